"""Nobody in the simulated world exists: numbers, addresses and names, by construction."""

import random
from datetime import date

import phonenumbers
import pytest
from phonenumbers import carrier

from services.intake.nik import structure_ok
from services.simulator import numbers
from services.simulator.people import Population, a_desa


@pytest.mark.parametrize("country", sorted(numbers.UNASSIGNED))
def test_phones_are_valid_and_under_a_prefix_no_operator_was_given(country: str) -> None:
    drawn = random.Random(7)
    for _ in range(300):
        parsed = phonenumbers.parse(numbers.phone(drawn.randrange(10**9), country))
        assert phonenumbers.is_valid_number_for_region(parsed, country)
        assert carrier.name_for_number(parsed, "en") == ""


def test_the_carrier_table_does_know_the_numbers_that_are_given_out() -> None:
    """Else the test above would hold for any number."""
    assert carrier.name_for_number(phonenumbers.parse("+6281234567890"), "en") == "Telkomsel"


@pytest.mark.parametrize("spelling", [0, 1, 2])
def test_a_phone_is_one_number_in_every_spelling(spelling: int) -> None:
    parsed = phonenumbers.parse(numbers.phone(1234567, spelling=spelling), "ID")
    assert phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == "+6286601234567"


def test_a_nik_follows_the_rules_and_has_a_serial_that_is_never_reached() -> None:
    people, drawn, day = Population(date(2026, 1, 5)), random.Random(1), date(2026, 1, 5)
    made = [
        people.person(drawn, day, a_desa(drawn, kab), drawn.randint(1, 90), drawn.choice("LP"))
        for kab in ("3301", "3305", "1101", "9171")
        for _ in range(500)
    ]
    assert all(structure_ok(p.nik) and p.nik[12] == "9" and p.kk_no[12] == "9" for p in made)
    assert len({p.nik for p in made}) == len(made)
    assert len({phonenumbers.parse(p.phone, "ID").national_number for p in made}) == len(made)
    assert all((int(p.nik[6:8]) > 40) == (p.sex == "P") for p in made)


@pytest.mark.parametrize("day", [date(2026, 1, 1), date(2026, 2, 28), date(2026, 7, 31), date(2026, 12, 31)])
@pytest.mark.parametrize("age", [0, 16, 17, 18, 70])
def test_a_person_has_the_age_that_was_asked_for(day: date, age: int) -> None:
    people, drawn = Population(day), random.Random(2)
    assert {people.person(drawn, day, "3301042012", age, "P").age(day) for _ in range(60)} == {age}


def test_mail_goes_to_a_domain_that_cannot_exist_and_passports_have_a_digit_too_many() -> None:
    assert numbers.email(7).endswith(".example")
    assert len(numbers.passport(7)) == 9  # a real one: a letter and seven digits
    assert numbers.ip(77).startswith("10.")
