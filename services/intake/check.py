"""From bytes to a checked event, or to every fault at once: path, rule and what is asked, never the value."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import orjson
from pydantic import ValidationError

from services.contracts import envelope
from services.contracts.dead_letters import Fault
from services.contracts.envelope import UpstreamEvent
from services.contracts.upstream import REGISTRY, UpstreamData

FUTURE = timedelta(hours=24)
SHOWN = 50  # faults shown of one event
_CORE = {"specversion", "id", "source", "type"}


@dataclass(frozen=True)
class Rejected:
    """Will never work. `status` is the HTTP answer to the same fault."""

    status: int
    faults: tuple[Fault, ...]

    @property
    def reason(self) -> str:
        return "; ".join(f"{f.path}: {f.reason}" for f in self.faults)


@dataclass(frozen=True)
class Checked:
    """A well-formed event; `data` holds clear values."""

    event: UpstreamEvent
    data: UpstreamData
    unknown_fields: tuple[str, ...]


def reject(status: int, path: str, rule: str, reason: str) -> Rejected:
    return Rejected(status, (Fault(path=path, rule=rule, reason=reason),))


def parse(raw: bytes) -> Any | Rejected:
    """JSON within the limits of R03."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return reject(400, "", "json", f"is not JSON: line {error.lineno} column {error.colno}")
    return value


def check(raw: bytes, now: datetime) -> Checked | Rejected:
    """One structured event as bytes."""
    if len(raw) > envelope.MAX_EVENT_BYTES:
        return reject(413, "", "event_size", f"an event has at most {envelope.MAX_EVENT_BYTES} bytes")
    value = parse(raw)
    return value if isinstance(value, Rejected) else check_value(value, now, within=_surely_within(raw))


def check_value(value: Any, now: datetime, *, within: bool = False) -> Checked | Rejected:
    """One structured event as parsed JSON. `within` says that its limits need not be looked at again."""
    if not isinstance(value, dict):
        return reject(400, "", "cloudevent", "a CloudEvent is a JSON object")
    if not within and (outside := _outside_limits(value)):
        return Rejected(422, tuple(outside))
    try:
        event = UpstreamEvent.model_validate(value)
    except ValidationError as error:
        faults = _faults(error, "")
        # Data are checked as well, so that the sender hears of every fault at once.
        faults += _data_faults(value.get("type"), value.get("data"))
        missing = any(f.rule == "missing" and f.path in _CORE for f in faults)
        return Rejected(400 if missing else 422, tuple(faults[:SHOWN]))
    faults = _meaning(event, now)
    model = REGISTRY.get(event.type)
    if model is None or faults:
        return Rejected(422, tuple((faults + _data_faults(event.type, event.data))[:SHOWN]))
    try:
        data = model.model_validate(event.data)
    except ValidationError as error:
        return Rejected(422, tuple(_faults(error, "data.")[:SHOWN]))
    return Checked(event, data, tuple(sorted(event.data.keys() - _known_fields(model))))


@cache
def _known_fields(model: type[UpstreamData]) -> frozenset[str]:
    return frozenset(model.model_fields)


def _meaning(event: UpstreamEvent, now: datetime) -> list[Fault]:
    faults = []
    if event.type not in REGISTRY:
        faults.append(Fault(path="type", rule="unknown_type", reason="is not an event type of the dictionary"))
    elif event.dataschema is not None:
        expected = f"urn:tppo:{event.type}:{envelope.CURRENT_MAJOR}"
        if event.dataschema != expected:
            faults.append(Fault(path="dataschema", rule="major_version", reason=f"must be {expected} or absent"))
    if event.happened_at > now + FUTURE:
        faults.append(Fault(path="time", rule="future", reason="is more than 24 h in the future"))
    return faults


def _data_faults(type_: Any, data: Any) -> list[Fault]:
    model = REGISTRY.get(type_) if isinstance(type_, str) else None
    if model is None or not isinstance(data, dict):
        return []
    try:
        model.model_validate(data)
    except ValidationError as error:
        return _faults(error, "data.")
    return []


_REASONS = {
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "missing": "is required",
}


def _faults(error: ValidationError, prefix: str) -> list[Fault]:
    found = []
    for each in error.errors(include_url=False, include_input=False, include_context=True):
        path = prefix + ".".join(str(part) for part in each["loc"])
        rule = each["type"]
        # Null in a required field is an absent field (events.md, section 11).
        reason = _REASONS.get(rule) or each["msg"].removeprefix("Value error, ")
        found.append(Fault(path=path, rule=rule, reason=reason[:300]))
    return found


def _surely_within(raw: bytes) -> bool:
    """True when the bytes alone show that no limit of R03 is passed, which holds for nearly all events.

    A text is no longer than the whole, a list has no more items than there are commas, and nothing is deeper than brackets.
    """
    return (
        len(raw) <= envelope.MAX_STRING
        and raw.count(b",") < envelope.MAX_LIST
        and raw.count(b"[") + raw.count(b"{") <= envelope.MAX_DEPTH
        and b"\\u0000" not in raw
    )


def check_dumped(value: Any, now: datetime) -> Checked | Rejected:
    """One event of a batch, as parsed JSON."""
    raw = orjson.dumps(value)
    if len(raw) > envelope.MAX_EVENT_BYTES:
        return reject(413, "", "event_size", f"an event has at most {envelope.MAX_EVENT_BYTES} bytes")
    return check_value(value, now, within=_surely_within(raw))


def _outside_limits(root: dict[str, Any]) -> list[Fault]:
    """Strings, lists, depth, NUL; iterative, so that a deep value cannot end the process."""
    faults: list[Fault] = []
    stack: list[tuple[Any, str, int]] = [(root, "", 0)]
    while stack and len(faults) < SHOWN:
        value, path, depth = stack.pop()
        if isinstance(value, str):
            if len(value) > envelope.MAX_STRING:
                faults.append(
                    Fault(path=path, rule="string_length", reason=f"has more than {envelope.MAX_STRING} characters")
                )
            if "\x00" in value:
                faults.append(Fault(path=path, rule="nul", reason="holds a NUL character"))
        elif isinstance(value, dict | list):
            if depth >= envelope.MAX_DEPTH:
                faults.append(
                    Fault(path=path[:200], rule="depth", reason=f"is nested deeper than {envelope.MAX_DEPTH}")
                )
                continue
            if isinstance(value, list):
                if len(value) > envelope.MAX_LIST:
                    faults.append(
                        Fault(path=path, rule="list_length", reason=f"has more than {envelope.MAX_LIST} items")
                    )
                    continue
                stack.extend((item, f"{path}.{i}", depth + 1) for i, item in enumerate(value))
            else:
                if any("\x00" in key for key in value):
                    faults.append(Fault(path=path, rule="nul", reason="a field name holds a NUL character"))
                stack.extend((item, f"{path}.{key[:64]}".lstrip("."), depth + 1) for key, item in value.items())
    return faults
