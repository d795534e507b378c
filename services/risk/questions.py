"""Which question first: for each open sign, how far the evidence would move on yes and on no."""

from collections.abc import Mapping, Sequence

from services.contracts.assessments import Question
from services.contracts.enums import Answer3
from services.risk.evidence import Fired, group_total
from services.risk.indicator import TENTHS, Indicator

SHOWN = 9


def rank(indicators: Sequence[Indicator], answers: Mapping[str, Answer3], fired: Sequence[Fired]) -> list[Question]:
    """The first question of each sign, the most telling sign first; ties by number of the catalogue.

    An unknown sign can only raise the evidence; one that fired can only lose it when the answer clears it.
    """
    weights: dict[str, list[int]] = {}
    for each in fired:
        weights.setdefault(each.indicator.group, []).append(each.weight)
    fired_weight = {f.indicator.id: f.weight for f in fired}
    moves: list[tuple[int, int, Question]] = []
    for indicator in indicators:
        answer = answers[indicator.id]
        if answer == "no" or indicator.not_scored:
            continue
        now = group_total(weights, indicator.group)
        if answer == "unknown":
            on_yes, on_no = group_total(weights, indicator.group, indicator.decibans * TENTHS) - now, 0
        else:
            rest = list(weights[indicator.group])
            rest.remove(fired_weight[indicator.id])
            on_yes, on_no = 0, group_total({indicator.group: rest}, indicator.group) - now
        if on_yes or on_no:
            question = Question(indicator=indicator.id, text_id=indicator.questions[0], on_yes=on_yes, on_no=on_no)
            moves.append((-(on_yes - on_no), indicator.number, question))
    return [question for _, _, question in sorted(moves, key=lambda m: m[:2])[:SHOWN]]
