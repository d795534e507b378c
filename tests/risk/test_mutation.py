"""Every operator and limit of every condition, flipped, changes the answer of one of its own examples."""

import pytest

from services.risk.indicator import Condition
from services.risk.mutation import mutants, survivors
from services.risk.pack import Pack

PACK = Pack.load()
AT_LEAST = 0.9


@pytest.mark.parametrize("condition", PACK.conditions, ids=lambda c: c.id)
def test_the_examples_hold_the_condition(condition: Condition) -> None:
    count, alive = survivors(condition)
    assert len(alive) <= (1 - AT_LEAST) * count, [m.change for m in alive]


def test_what_is_flipped() -> None:
    changed = [m.text for m in mutants("app.stay_days > 30 && !(int.payer == 'a > 1')")]
    assert changed == [
        "app.stay_days >= 30 && !(int.payer == 'a > 1')",
        "app.stay_days <= 30 && !(int.payer == 'a > 1')",
        "app.stay_days > 31 && !(int.payer == 'a > 1')",
        "app.stay_days > 29 && !(int.payer == 'a > 1')",
        "app.stay_days > 30 || !(int.payer == 'a > 1')",
        "app.stay_days > 30 && (int.payer == 'a > 1')",
        "app.stay_days > 30 && !(int.payer != 'a > 1')",
    ]
