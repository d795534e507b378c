"""A YAML file that knows its lines: a fault in a table names file, line and key. A key that stands twice is a fault as well."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml


class YamlFault(Exception):
    """What is wrong, with file, line and key."""


class YamlFile:
    """Plain values in `data`; `fault` names where in the file something is wrong."""

    def __init__(self, path: Path) -> None:
        self._name = path.name if path.parent.name != "agencies" else f"agencies/{path.name}"
        text = path.read_text(encoding="utf-8")
        try:
            self._root = yaml.compose(text, Loader=yaml.SafeLoader)
            self._no_key_twice(self._root, ())
            self.data: Any = yaml.safe_load(text)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise YamlFault(f"{self._name}:{line}: cannot be read as YAML: {error.problem}") from None

    def fault(self, place: Sequence[str | int], text: str) -> YamlFault:
        """An error about what stands at `place`, a path of keys and positions; the closest part that exists gives the line."""
        return YamlFault(f"{self._name}:{self._line(place)}: {'.'.join(map(str, place))}: {text}")

    def _line(self, place: Sequence[str | int]) -> int:
        node, line = self._root, 1
        for part in place:
            below = _below(node, part)
            if below is None:
                break
            key, node = below
            line = key.start_mark.line + 1
        return line

    def _no_key_twice(self, node: Any, place: tuple[str | int, ...]) -> None:
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                where = (*place, key.value)
                if key.value in seen:
                    raise YamlFault(
                        f"{self._name}:{key.start_mark.line + 1}: {'.'.join(map(str, where))}: stands there twice"
                    )
                seen.add(key.value)
                self._no_key_twice(value, where)
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                self._no_key_twice(value, (*place, number))


def _below(node: Any, part: str | int) -> tuple[Any, Any] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None
