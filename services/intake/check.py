"""From bytes to a checked event, or to every fault at once: path, rule and what is asked, never the value."""

import codecs
import json
import re
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
from services.intake.across import across
from services.intake.messages import fault, kind_of, of_pydantic

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


def reject(status: int, path: str, rule: str, **known: Any) -> Rejected:
    return Rejected(status, (fault(path, rule, **known),))


def parse(raw: bytes) -> Any | Rejected:
    """JSON within the limits of R03: UTF-8 without a byte order mark, no field twice in one object."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if raw.startswith(codecs.BOM_UTF8):
            return reject(400, "", "bom")
        return reject(400, "", "json", line=error.lineno, column=error.colno)
    if _names_twice(raw, value):
        return reject(400, "", "duplicate_key")
    return value


_NAME = re.compile(rb'(?<!\\)"\s*:')


def _names_twice(raw: bytes, value: Any) -> bool:
    """A parser keeps the last of two fields of one name, so some are missing from what it made.

    Compact JSON of the same length has lost nothing. Otherwise what may be a name is counted, and only when there seem to be
    more than were made, the slow parser that sees every pair decides.
    """
    if len(orjson.dumps(value)) == len(raw):
        return False
    names, stack = 0, [value]
    while stack:
        each = stack.pop()
        if isinstance(each, dict):
            names += len(each)
            stack.extend(each.values())
        elif isinstance(each, list):
            stack.extend(each)
    return len(_NAME.findall(raw)) > names and _pairs_repeat(raw)


def _pairs_repeat(raw: bytes) -> bool:
    repeated = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal repeated
        repeated = repeated or len({name for name, _ in pairs}) < len(pairs)

    try:
        json.loads(raw, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return False  # too deep for it; the limits say so
    return repeated


def check(raw: bytes, now: datetime) -> Checked | Rejected:
    """One structured event as bytes."""
    if len(raw) > envelope.MAX_EVENT_BYTES:
        return reject(413, "", "event_size", bytes=envelope.MAX_EVENT_BYTES)
    value = parse(raw)
    return value if isinstance(value, Rejected) else check_value(value, now, within=_surely_within(raw))


def check_value(value: Any, now: datetime, *, within: bool = False) -> Checked | Rejected:
    """One structured event as parsed JSON. `within` says that its limits need not be looked at again."""
    if not isinstance(value, dict):
        return reject(400, "", "cloudevent")
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
    if contradictions := across(event, data):
        return Rejected(422, tuple(contradictions[:SHOWN]))
    return Checked(event, data, tuple(sorted(event.data.keys() - _known_fields(model))))


@cache
def _known_fields(model: type[UpstreamData]) -> frozenset[str]:
    return frozenset(model.model_fields)


def _meaning(event: UpstreamEvent, now: datetime) -> list[Fault]:
    faults = []
    if event.type not in REGISTRY:
        faults.append(fault("type", "unknown_type"))
    elif event.dataschema is not None:
        expected = f"urn:tppo:{event.type}:{envelope.CURRENT_MAJOR}"
        if event.dataschema != expected:
            faults.append(fault("dataschema", "major_version", expected=expected))
    if event.happened_at > now + FUTURE:
        faults.append(fault("time", "future"))
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


def _faults(error: ValidationError, prefix: str) -> list[Fault]:
    return [of_pydantic(each, prefix) for each in error.errors(include_url=False)]


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
        return reject(413, "", "event_size", bytes=envelope.MAX_EVENT_BYTES)
    return check_value(value, now, within=_surely_within(raw))


def _outside_limits(root: dict[str, Any]) -> list[Fault]:
    """Strings, lists, depth, NUL; iterative, so that a deep value cannot end the process."""
    faults: list[Fault] = []
    stack: list[tuple[Any, str, int]] = [(root, "", 0)]
    while stack and len(faults) < SHOWN:
        value, path, depth = stack.pop()
        if isinstance(value, str):
            if len(value) > envelope.MAX_STRING:
                faults.append(fault(path, "string_length", kind_of(value), max=envelope.MAX_STRING))
            if "\x00" in value:
                faults.append(fault(path, "nul", kind_of(value)))
        elif isinstance(value, dict | list):
            if depth >= envelope.MAX_DEPTH:
                faults.append(fault(path[:200], "depth", max=envelope.MAX_DEPTH))
                continue
            if isinstance(value, list):
                if len(value) > envelope.MAX_LIST:
                    faults.append(fault(path, "list_length", kind_of(value), max=envelope.MAX_LIST))
                    continue
                stack.extend((item, f"{path}.{i}", depth + 1) for i, item in enumerate(value))
            else:
                if any("\x00" in key for key in value):
                    faults.append(fault(path, "nul", "name of a field"))
                stack.extend((item, f"{path}.{key[:64]}".lstrip("."), depth + 1) for key, item in value.items())
    return faults
