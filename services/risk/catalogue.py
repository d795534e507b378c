"""The rules of a pack as one table: what each weighs, what its examples show, and how many flipped operators and limits they notice."""

from collections import Counter
from dataclasses import dataclass

from services.risk.indicator import Condition, Indicator
from services.risk.mutation import Mutant, survivors
from services.risk.pack import Pack

HEAD = """# The catalogue, rule by rule

Made by `tppo pack check --table deploy/catalogue.md`; a test keeps it so. *yes / no / unknown* counts examples. *False positives* are the innocent
cases that a rule's file names, each shown by an example: *recognised* does not fire, *fires* does, and a person clears it. *Mutants* are operators
and limits flipped that an example notices, of all.

| no. | rule | group | dB | yes / no / unknown | false positives: recognised / fires | mutants |
|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Row:
    """One rule; `alive` are the mutants that no example notices."""

    number: int | None
    id: str
    kind: str
    decibans: int
    said: Counter[str]
    recognised: int
    fires: int
    mutants: int
    alive: tuple[Mutant, ...]

    @property
    def cells(self) -> tuple[str, ...]:
        """As people read it."""
        answers = " / ".join(str(self.said[a]) for a in ("yes", "no", "unknown"))
        cases = f"{self.recognised} / {self.fires}" if self.number else "–"
        noticed = f"{self.mutants - len(self.alive)} / {self.mutants}"
        return str(self.number or ""), self.id, self.kind, str(self.decibans), answers, cases, noticed


def rows(pack: Pack) -> list[Row]:
    """Every rule of a pack, by number, what protects last."""
    return [_row(condition) for condition in pack.conditions]


def page(found: list[Row]) -> str:
    """The table in Markdown, with links to the files."""
    lines = []
    for row in found:
        number, name, *rest = row.cells
        folder = "indicators" if row.number else "protective"
        lines.append(f"| {number} | [{name}](../services/risk/{folder}/{name}.yaml) | {' | '.join(rest)} |\n")
    return HEAD + "".join(lines)


def _row(condition: Condition) -> Row:
    shown = [(case, e.answer) for e in condition.examples for case in e.false_positives]
    fires = {case for case, answer in shown if answer == "yes"}
    count, alive = survivors(condition)
    return Row(
        condition.number if isinstance(condition, Indicator) else None, condition.id,
        condition.group if isinstance(condition, Indicator) else "protective", condition.decibans,
        Counter(e.answer for e in condition.examples), len({case for case, _ in shown} - fires), len(fires), count, tuple(alive),
    )  # fmt: skip
