"""What is a clear value of a person, and where on a machine it could still stand."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from services.contracts.fields import DoorModel
from services.contracts.passport_events import nested_model
from services.contracts.upstream import REGISTRY

AT_LEAST = 6  # shorter texts (a house number, a first name) occur everywhere by chance


def clear_values(events: Iterable[dict[str, Any]], others: Iterable[dict[str, Any]]) -> set[str]:
    """Every text of a person that the dictionary keeps behind the door: personal, tokenised, fairness, and what is nested in
    them. A text that also stands in a coded fact or with somebody else (a date, a street) is no trace of the person."""
    events = list(events)
    hidden = {text for event in events for text in _of(event, behind_the_door=True) if len(text) >= AT_LEAST}
    known = {text for event in events for text in _of(event, behind_the_door=False)}
    elsewhere = orjson.dumps(list(others)).decode()
    return {text for text in hidden - known if text not in elsewhere}


def _of(event: dict[str, Any], *, behind_the_door: bool) -> Iterator[str]:
    if not behind_the_door:
        yield event["time"]
    yield from _fields(REGISTRY[event["type"]], event["data"], behind_the_door)


def _fields(model: type[DoorModel], data: dict[str, Any], behind_the_door: bool) -> Iterator[str]:
    for name, info in model.model_fields.items():
        leaves = (info.json_schema_extra or {}).get("x-leaves")  # type: ignore[union-attr]
        if name not in data:
            continue
        if leaves == "nested":
            for item in data[name]:
                yield from _fields(nested_model(model, name), item, behind_the_door)
        elif (leaves != "kept") is behind_the_door:
            yield from _texts(data[name])


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def in_files(folder: Path, needles: dict[str, bytes]) -> dict[str, list[str]]:
    """Names of needles that stand in files of a folder, by file. The names say what it is, never the value."""
    found: dict[str, list[str]] = {}
    for file in sorted(f for f in folder.rglob("*") if f.is_file()):
        content = file.read_bytes()
        if here := [name for name, needle in needles.items() if needle in content]:
            found[file.name] = here
    return found
