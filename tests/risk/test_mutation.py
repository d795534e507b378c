"""What is flipped in a condition; that the examples notice it stands in test_catalogue."""

from services.risk.mutation import mutants


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
