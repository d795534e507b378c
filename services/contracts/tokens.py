"""How a token reads, `<kind>.<key version>.<32 hex digits>`, and how a document with tokens moves to newer keys."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(r"[a-z_]{1,32}\.([1-9][0-9]{0,5})\.[0-9a-f]{32}")


@dataclass(frozen=True)
class Newer:
    """Older tokens by their form of one key version; what has that form already is left out."""

    version: int
    by_old: Mapping[str, str]


def version_of(text: str) -> int | None:
    """Key version of a token; None when the text is none."""
    match = _TOKEN.fullmatch(text)
    return int(match[1]) if match else None


def found(value: Any) -> Iterator[str]:
    """Every token in a JSON-like value, repeated ones too."""
    if isinstance(value, str):
        if version_of(value) is not None:
            yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from found(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from found(each)


def versions(values: Iterable[str]) -> set[int]:
    return {v for each in values if (v := version_of(each)) is not None}


def moved(value: Any, newer: Newer) -> Any:
    """The same value with every token that `newer` names replaced; a token it does not name stays."""
    if isinstance(value, str):
        return newer.by_old.get(value, value)
    if isinstance(value, Mapping):
        return {key: moved(each, newer) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [moved(each, newer) for each in value]
    return value
