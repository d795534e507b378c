"""Which question first: for each open sign, how far the evidence would move on yes and on no."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from heapq import nsmallest

from services.contracts.assessments import Question
from services.contracts.enums import Answer3
from services.risk.evidence import NOTHING, Fired, Total
from services.risk.indicator import TENTHS, Indicator

SHOWN = 9


def rank(indicators: Sequence[Indicator], answers: Mapping[str, Answer3], fired: Sequence[Fired]) -> list[Question]:
    """The first question of each sign, the most telling sign first; ties by number of the catalogue.

    What waits for other applications is not asked about: the applicant cannot settle it. An unknown sign can only raise the evidence; one that fired can only lose it when the answer clears it.
    """
    weights: dict[str, list[int]] = {}
    for each in fired:
        weights.setdefault(each.indicator.group, []).append(each.weight)
    now = {group: Total(max(found), sum(found)) for group, found in weights.items()}
    fired_weight = {f.indicator.id: f.weight for f in fired}
    moves: list[tuple[int, int, Indicator, int, int]] = []
    for indicator in indicators:
        answer = answers[indicator.id]
        if answer == "no" or indicator.not_scored or (answer == "unknown" and indicator.of_others):
            continue
        group, on_yes, on_no = indicator.group, 0, 0
        total = now.get(group, NOTHING)
        if answer == "unknown":
            on_yes = _rise(group, total, indicator.decibans)
        else:
            rest = list(weights[group])
            rest.remove(fired_weight[indicator.id])
            on_no = Total(max(rest, default=0), sum(rest)).capped(group) - total.capped(group)
        if on_yes or on_no:
            moves.append((on_no - on_yes, indicator.number, indicator, on_yes, on_no))
    return [
        _question(indicator.id, indicator.questions[0], on_yes, on_no)
        for _, _, indicator, on_yes, on_no in nsmallest(SHOWN, moves, key=_most_telling)
    ]


@lru_cache(maxsize=8192)
def _rise(group: str, total: Total, decibans: int) -> int:
    """Of the evidence, with one sign more in the group."""
    return total.with_one(decibans * TENTHS).capped(group) - total.capped(group)


def _most_telling(move: tuple[int, int, Indicator, int, int]) -> tuple[int, int]:
    return move[:2]


@lru_cache(maxsize=8192)
def _question(indicator: str, text_id: str, on_yes: int, on_no: int) -> Question:
    """The same few come again and again, and are frozen."""
    return Question(indicator=indicator, text_id=text_id, on_yes=on_yes, on_no=on_no)
