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


def answer(program: cel.Program, facts: cel.Context) -> Answer3:
    """Facts of a wrong shape are unknown as well, never a wrong yes."""
    try:
        result = program.execute(facts)
    except (KeyError, TypeError, ValueError, RuntimeError, IndexError):
        return "unknown"
    return "yes" if result is True else "no" if result is False else "unknown"
