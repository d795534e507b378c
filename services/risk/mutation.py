"""How much the examples of a condition hold it: every operator and limit flipped must change the answer of some example."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from services.risk.fold import SECTIONS
from services.risk.indicator import Condition
from services.risk.pack import texts
from services.runtime import conditions

FLIPPED = {
    ">=": (">", "<"),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    "<": ("<=", ">="),
    "==": ("!=",),
    "!=": ("==",),
    "&&": ("||",),
    "||": ("&&",),
}
# Strings first, so that nothing inside them is taken for an operator.
_TOKEN = re.compile(r"'[^']*'|>=|<=|==|!=|&&|\|\||>|<|!|\btrue\b|\bfalse\b|(?<![\w.'])\d+\b")


@dataclass(frozen=True)
class Mutant:
    """A condition with one thing changed."""

    text: str
    change: str


def mutants(text: str) -> Iterator[Mutant]:
    """Comparisons loosened and turned, `and` for `or`, a negation dropped, limits one up and one down, true for false."""
    for token in _TOKEN.finditer(text):
        word = token[0]
        for other in _others(word):
            changed = f"{text[: token.start()]}{other}{text[token.end() :]}"
            yield Mutant(changed, f"{word} at {token.start()} → {other or 'nothing'}")


def _others(word: str) -> tuple[str, ...]:
    if word.startswith("'"):
        return ()
    if word.isdigit():
        return str(int(word) + 1), str(int(word) - 1)
    return FLIPPED.get(word, {"!": ("",), "true": ("false",), "false": ("true",)}.get(word, ()))


def survivors(condition: Condition) -> tuple[int, list[Mutant]]:
    """How many mutants there are, and those that no example tells from the condition."""
    contexts = [conditions.context({s: {} for s in SECTIONS} | example.facts) for example in condition.examples]
    count, alive = 0, []
    for text in texts(condition):
        said = _answers(text, contexts)
        for mutant in mutants(text):
            count += 1
            if _answers(mutant.text, contexts) == said:
                alive.append(mutant)
    return count, alive


def _answers(text: str, contexts: list[Any]) -> list[str] | None:
    """None for a text that is no condition: nobody could ship it."""
    try:
        program = conditions.compiled(text)
    except ValueError:
        return None
    return [conditions.answer(program, context) for context in contexts]
