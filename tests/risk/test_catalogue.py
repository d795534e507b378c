"""The table of the catalogue: every rule has its file, examples of all three answers, its false positives shown, its mutants noticed."""

from pathlib import Path

import pytest

from services.risk.catalogue import Row, page, rows
from services.risk.pack import HERE, Pack

FOUND = rows(Pack.load())
PAGE = Path(__file__).parents[2] / "deploy" / "catalogue.md"
AT_LEAST = 0.9
# Nothing that looks like a threat told at the interview justifies waiting (the catalogue names no false positive).
WITHOUT_FALSE_POSITIVES = {"threat_or_fear_disclosed"}


@pytest.mark.parametrize("row", FOUND, ids=lambda row: row.id)
def test_a_rule_has_no_hole(row: Row) -> None:
    assert (HERE / ("indicators" if row.number else "protective") / f"{row.id}.yaml").exists()
    assert all(row.said[answer] for answer in ("yes", "no", "unknown"))
    if row.number and row.id not in WITHOUT_FALSE_POSITIVES:
        assert row.recognised + row.fires > 0
    assert len(row.alive) <= (1 - AT_LEAST) * row.mutants, [m.change for m in row.alive]


def test_the_page_is_that_of_these_rules() -> None:
    assert PAGE.read_text() == page(FOUND), "run `tppo pack check --table deploy/catalogue.md`"
