"""Normalisation and tokens: one thing is one token, two kinds are never one."""

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from services.intake import nik, normalise
from services.intake.accept import accept
from services.intake.tokens import Tokeniser
from services.intake.vault import MasterKey
from tests.build import TOKENS, checked, submitted, upstream


@pytest.mark.parametrize(
    "spelling",
    ["081234567890", "+6281234567890", "62 812-3456-7890", "0812 3456 7890", "(0812) 34567890", "+62 (812) 3456-7890"],
)
def test_one_phone_in_six_spellings_is_one_token(spelling: str) -> None:
    assert TOKENS.token("phone", spelling) == TOKENS.token("phone", "+6281234567890")


@pytest.mark.parametrize("spelling", ["bukan nomor", "", "12", "+999999999999999999"])
def test_what_is_no_phone_has_no_token(spelling: str) -> None:
    assert TOKENS.token("phone", spelling) is None


def test_mail_loses_case_and_tag() -> None:
    assert normalise.email("Siti+Paspor@Contoh.Example ") == "siti@contoh.example"


@pytest.mark.parametrize(
    "street", ["Jl. Mawar No. 05 RT 001/RW 02", "JALAN MAWAR NOMOR 5, RT.1 RW.2", "Jln Mawar no 5 rt 01 rw 2"]
)
def test_one_street_in_three_spellings_is_one_address_r44(street: str) -> None:
    assert normalise.street(street) == "JL MAWAR NO 5 RT 1 RW 2"


@pytest.mark.parametrize("name", ["Hj. Siti binti Ahmad", "SITI AHMAD", "siti  ahmad"])
def test_titles_and_binti_are_no_part_of_a_name(name: str) -> None:
    assert normalise.name(name) == "SITI AHMAD"


@given(st.text(alphabet="0123456789", min_size=16, max_size=16))
def test_two_kinds_never_share_a_token(value: str) -> None:
    tokens = {
        TOKENS.token(kind, value) for kind in ("subject", "household", "document", "passport", "device", "account")
    }
    assert len(tokens) == 6


def test_another_key_or_version_gives_other_tokens() -> None:
    other, second = (
        Tokeniser(b"another key for tests, 32 bytes."),
        Tokeniser(b"a key for tests, of 32 bytes....", b"a second key for tests, 32 bytes"),
    )
    assert len({t.token("subject", "3301044507909001") for t in (TOKENS, other, second)}) == 3


def test_a_person_is_a_phone_or_a_weak_name_r04() -> None:
    by_phone, weak = TOKENS.person("Pak Contoh", "081234567890")
    by_name, weak_name = TOKENS.person("Pak Contoh", None)
    assert (by_phone, weak) == (TOKENS.token("phone", "081234567890"), False)
    assert weak_name
    assert by_name != by_phone


def test_neighbours_in_a_series_are_neighbours_and_nothing_else_is_said_r63() -> None:
    one, two = TOKENS.series("akta", "disdukcapil", "AL-000123"), TOKENS.series("akta", "disdukcapil", "AL-000125")
    other = TOKENS.series("akta", "lain", "AL-000123")
    assert one is not None
    assert two is not None
    assert other is not None
    assert one[0] == two[0] != other[0]
    assert two[1] - one[1] == 2
    assert one[1] != 123


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Tokeniser(b"short")


@pytest.mark.parametrize(
    ("number", "good"),
    [
        ("3301044507909001", True),
        ("3301040507909001", True),
        ("3301047207909001", False),  # day 72
        ("3301044513909001", False),  # month 13
        ("3301043002909001", False),  # 30 February
        ("3301044507900000", False),  # serial 0000
        ("0001044507909001", False),  # no such province in any year
        ("330104450790900", False),
        ("33010445079O9001", False),
        ("3301042902009001", True),  # 29 February 2000
        ("3301042902019001", False),  # in no century a leap day
    ],
)
def test_structure_of_a_nik(number: str, good: bool) -> None:
    assert nik.structure_ok(number) is good


@pytest.mark.parametrize(
    ("one", "other"),
    [("Soeharto", "Suharto"), ("Djoko Tjahjono", "Joko Cahyono"), ("Moch. Yusuf", "Jusuf Moh"), ("H. Zainal Abidin", "Abidin Sainal"), ("Khotimah", "Chotimah"), ("Evi", "Efi")],
)  # fmt: skip
def test_names_that_sound_alike_are_one_weak_token_in_one_kecamatan(one: str, other: str) -> None:
    assert TOKENS.token("fuzzy", one, scope="330104") == TOKENS.token("fuzzy", other, scope="330104")
    assert TOKENS.token("fuzzy", one, scope="330104") != TOKENS.token("fuzzy", one, scope="330105")
    assert TOKENS.token("name", one) != TOKENS.token("name", other)


def test_names_that_differ_sound_different() -> None:
    names = ["Siti Aminah", "Sri Rahayu", "Slamet Santoso", "Agus Wibowo", "Wati", "Budi Santoso"]
    assert len({TOKENS.token("fuzzy", name, scope="330104") for name in names}) == len(names)


def test_a_person_has_a_weak_token_once_the_home_is_known() -> None:
    who = {"name": "Pak Soeharto", "phone": "081234567890"}
    form = checked(submitted(agent=who, domicile_desa_code="3301042012"))
    alone = accept(checked(submitted(agent=who)), [], TOKENS).event.data
    with_home = accept(form, [], TOKENS).event.data
    assert "agent_fuzzy_token" not in alone
    assert with_home["agent_fuzzy_token"].startswith("fuzzy.1.")
    assert with_home["agent_token"] == alone["agent_token"]
    talk = checked(upstream("interview.completed", {"recruiter": {"name": "Suharto Pak"}}))
    later = accept(talk, [(form.event.time, form.data)], TOKENS).event.data
    assert later["recruiter_fuzzy_token"] == with_home["agent_fuzzy_token"]


def test_a_rotated_token_is_the_older_one_under_the_newer_key() -> None:
    first, second, third = b"a" * 32, b"b" * 32, b"c" * 32
    one, two, three = Tokeniser(first), Tokeniser(first, second), Tokeniser(first, second, third)
    for kind, value in (("phone", "0812 3456 7890"), ("subject", "3301044507909001"), ("name", "Siti Contoh")):
        old = one.token(kind, value)
        assert old is not None
        assert two.newest(old) == two.token(kind, value) == f"{kind}.2.{str(two.token(kind, value)).rpartition('.')[2]}"
        assert three.newest(old) == three.newest(str(two.token(kind, value))) == three.token(kind, value)
        assert three.every(kind, value) == [old, two.token(kind, value), three.token(kind, value)]
        assert one.newest(str(two.token(kind, value))) is None  # newer than our keys
    assert three.newest("no.token.at.all") is None


def test_places_in_a_series_stay_comparable_across_a_rotation() -> None:
    before, after = Tokeniser(b"a" * 32), Tokeniser(b"a" * 32, b"b" * 32)
    one, two = before.series("akta", "disdukcapil", "AL-000123"), after.series("akta", "disdukcapil", "AL-000125")
    assert one is not None
    assert two is not None
    assert two[1] - one[1] == 2
    assert after.newest(one[0]) == two[0]


def test_a_token_key_in_use_cannot_be_taken_away_or_changed() -> None:
    tokens = Tokeniser(b"a" * 32, b"b" * 32)
    with pytest.raises(ValueError, match="never take one away"):
        tokens.follow([b"a" * 32])
    with pytest.raises(ValueError, match="never take one away"):
        tokens.follow([b"x" * 32, b"b" * 32, b"c" * 32])
    assert tokens.follow([b"a" * 32, b"b" * 32]) is False
    assert tokens.version == 2


def test_a_master_key_that_was_taken_out_opens_until_everything_living_is_wrapped_anew() -> None:
    """Another process of intake may have wrapped with it a moment before it read the file again."""
    master = MasterKey(b"a" * 32)
    by_the_old = master.new_data_key("A1")
    assert master.follow([b"a" * 32, b"b" * 32])
    assert master.follow([b"b" * 32])
    moved = master.wrapped_anew(by_the_old.wrapped, "A1")
    assert moved is not None
    assert master.unwrap(moved, "A1").clear == by_the_old.clear
    assert master.wrapped_anew(moved, "A1") is None
    master.forget()
    with pytest.raises(InvalidTag):
        master.unwrap(by_the_old.wrapped, "A1")
    assert master.unwrap(moved, "A1").clear == by_the_old.clear
