"""What leaves: a reference, a deadline, a link. The same for all kinds of case, in both languages, short enough for an SMS."""

from datetime import timedelta
from typing import Any, Literal

import pytest

from services.contracts.alerts import AlertRequested
from services.notify import deliver
from services.notify.alert import Alert, Told
from services.notify.chains import Chains
from services.notify.channels.channel import Notice
from services.notify.roster import Roster
from services.notify.settings import HERE
from services.notify.text import SMS, Texts
from tests.notify.play import FRIDAY, ROSTER

TEXTS, CHAINS, PEOPLE = Texts.load(), Chains.load(HERE / "chains.yaml"), Roster.model_validate(ROSTER)
KIND_WORDS = (
    "ancaman",
    "threat",
    "anak",
    "child",
    "tppo",
    "polri",
    "polisi",
    "police",
    "korban",
    "victim",
    "must_act",
    "perlindungan",
)


def alert(ref: str = "R-AAAA1111", **more: Any) -> Alert:
    request = AlertRequested(
        alert_id=ref, to="polres-3301", ref=ref, deadline=(FRIDAY + timedelta(days=1)).isoformat(), requested_at=FRIDAY.isoformat(),
        **({"severity": "normal", "step": "new"} | more),
    )  # fmt: skip
    return deliver.plan(request, PEOPLE, CHAINS, FRIDAY).alert


def notice(*alerts: Alert, over: bool = False, language: Literal["id", "en"] = "id") -> Notice:
    told = Told(person="polres", channel="mail", to="polres@x.example", key="k", over=over)
    return TEXTS.notice(alerts, told, language, "https://kabar.example/l/abc", "123456", "https://meja.example")


def test_promise_10_the_text_is_reference_deadline_and_link_only() -> None:
    said = notice(alert())
    assert said.text == (
        "Rujukan R-AAAA1111 menunggu, tenggat 21-11-2026 10.00 WIB.\nTandai sudah dilihat: https://kabar.example/l/abc\n"
        "Buka setelah masuk: https://meja.example\n\nReferral R-AAAA1111 is waiting, due 21-11-2026 10.00 WIB.\n"
        "Mark as seen: https://kabar.example/l/abc\nOpen after login: https://meja.example\n"
    )


@pytest.mark.parametrize("step", ["new", "remind", "escalate", "task_force"])
@pytest.mark.parametrize("severity", ["must_act", "high", "normal"])
def test_the_words_are_the_same_for_all_kinds_of_case(severity: Any, step: str) -> None:
    said, plain = notice(alert(severity=severity, step=step)), notice(alert())
    assert (said.subject, said.text, said.html, said.short) == (plain.subject, plain.text, plain.html, plain.short)
    for word in KIND_WORDS:
        assert word not in (said.subject + said.text + said.html + said.short).lower()


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize("count", [1, 2, 9999])
@pytest.mark.parametrize("over", [False, True])
def test_a_short_text_fits_one_sms(language: Any, count: int, over: bool) -> None:
    said = notice(*[alert(f"R-AAAA{n:04}") for n in range(min(count, 40))], over=over, language=language)
    assert len(said.short) <= SMS
    assert said.short.isascii()


def test_many_are_listed_with_the_nearest_deadline_first_and_the_rest_counted() -> None:
    said = notice(*[alert(f"R-{n:03}") for n in range(35)])
    assert said.text.startswith(
        "35 rujukan menunggu, tenggat terdekat 21-11-2026 10.00 WIB.\n  R-000  21-11-2026 10.00 WIB\n"
    )
    assert "dan 5 lagi" in said.text


def test_the_end_has_no_link_and_says_that_nothing_is_to_be_done() -> None:
    said = notice(alert(), over=True)
    assert "http" not in said.text + said.html
    assert said.subject == "Rujukan selesai / A referral is closed"


def test_a_drill_says_so_first() -> None:
    drill = deliver.drill("uji", "polres", 0, PEOPLE, FRIDAY).alert
    said = notice(drill)
    assert said.subject == "UJI COBA / DRILL"
    assert said.text.startswith("UJI COBA UJI-uji. Ini bukan rujukan.")
    assert said.short.startswith("UJI COBA")


def test_what_stands_in_a_reference_cannot_become_markup() -> None:
    assert "<script>" not in notice(alert("<script>x</script>")).html
