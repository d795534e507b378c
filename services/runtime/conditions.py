"""Conditions in CEL with three answers: a fact that is absent makes the answer unknown, unless the rest decides."""

from collections.abc import Mapping
from typing import Any, Literal

import cel

Answer3 = Literal["yes", "no", "unknown"]


def compiled(source: str) -> cel.Program:
    """A program; ValueError says what does not parse."""
    return cel.compile(source)


def context(variables: Mapping[str, Any]) -> cel.Context:
    """Built once, used by many programs."""
    return cel.Context(variables=dict(variables))


class Workbench:
    """One context that is used again: only sections that changed are handed over (converting is what costs, measured)."""

    def __init__(self) -> None:
        self._context = cel.Context()
        self._held: dict[str, Any] = {}

    def lay_out(self, variables: Mapping[str, Any]) -> cel.Context:
        """The context with these variables; do not keep it over the next call."""
        for name, value in variables.items():
            held = self._held.get(name)
            if held is not value and held != value:
                self._context.add_variable(name, value)
                self._held[name] = value
        return self._context


def answer(program: cel.Program, facts: cel.Context) -> Answer3:
    """Facts of a wrong shape are unknown as well, never a wrong yes."""
    try:
        result = program.execute(facts)
    except (KeyError, TypeError, ValueError, RuntimeError, IndexError):
        return "unknown"
    return "yes" if result is True else "no" if result is False else "unknown"
