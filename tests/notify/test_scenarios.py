"""What arrives when, to whom, and that nothing else does. Friday 20 November 2026 is a working day; all hours are WIB."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from services.contracts.calendar import WIB
from services.notify import acknowledge, deliver
from services.notify.acknowledge import NotPossible
from services.notify.channels.channel import Done, Later, Never
from services.notify.http_replies import answered
from services.notify.links import code
from services.notify.silence import Silence
from tests.notify.play import FRIDAY, SECRET, Play, token

SATURDAY_NIGHT = datetime(2026, 11, 21, 23, 10, tzinfo=WIB)
FRIDAY_EVENING = datetime(2026, 11, 20, 18, tzinfo=WIB)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PIKET_A, PIKET_B, PIKET_KANIM = "+628110000003", "+628110000004", "+628110000001"


@pytest.fixture
def play(database: Database[dict[str, Any]], tmp_path: Path) -> Iterator[Play]:
    found = Play(database, tmp_path)
    yield found
    found.close()


def at(play: Play, moment: datetime) -> Play:
    play.clock.now = moment
    return play


# One alert, one person after the other


def test_must_act_in_office_hours_goes_to_the_liaison_at_once_and_to_nobody_else(play: Play) -> None:
    play.ask()
    play.until(4 * MINUTE)
    assert play.arrived() == [("20 10:00", "polres", "R-1")]


def test_on_a_saturday_night_the_officer_on_duty_is_told_first(play: Play) -> None:
    at(play, SATURDAY_NIGHT).ask()
    play.now()
    assert play.arrived() == [("21 23:10", PIKET_B, "R-1")]


def test_without_acknowledgement_the_whole_chain_is_told_and_then_again(play: Play) -> None:
    play.ask()
    play.until(56 * MINUTE)
    assert play.arrived() == [
        ("20 10:00", "polres", "R-1"), ("20 10:05", PIKET_A, "R-1"), ("20 10:10", PIKET_B, "R-1"), ("20 10:15", "wakil", "R-1"),
        ("20 10:20", "kepala", "R-1"), ("20 10:25", "pengawas", "R-1"), ("20 10:35", PIKET_KANIM, "R-1"), ("20 10:55", "polres", "R-1"),
    ]  # fmt: skip


def test_after_the_last_round_it_is_exhausted_and_ops_hears_of_it(play: Play) -> None:
    alert = play.ask()
    play.until(4 * HOUR)
    assert play.alert(alert).state == "exhausted"
    assert play.alert(alert).due_at is None
    assert [p.status for p in play.progress()].count("sent") == 28
    assert play.progress()[-1].status == "exhausted"


def test_an_exhausted_alert_can_still_be_acknowledged(play: Play) -> None:
    alert = play.ask()
    play.until(4 * HOUR)
    assert play.seen(alert, "kakanim") == "done"
    assert play.alert(alert).state == "seen"


def test_a_known_request_changes_nothing(play: Play) -> None:
    play.ask()
    play.now()
    play.ask()
    play.until(MINUTE)
    assert play.arrived() == [("20 10:00", "polres", "R-1")]


def test_a_role_that_is_asked_is_told_and_then_its_chain(play: Play) -> None:
    play.ask(to="polres-3301:head")
    play.until(6 * MINUTE)
    assert play.arrived() == [("20 10:00", "kepala", "R-1"), ("20 10:05", PIKET_A, "R-1")]


def test_an_agency_without_people_falls_to_the_office_and_says_why(play: Play) -> None:
    alert = play.ask(to="desa-3301042012")
    play.now()
    assert play.arrived() == [("20 10:00", "pengawas", "R-1")]
    assert play.alert(alert).history[0].reason == "chain at_once; nobody is named for desa-3301042012"


def test_a_role_that_nobody_holds_falls_to_the_liaison(play: Play) -> None:
    alert = play.ask(to="gugus-tugas-3301:head")
    play.now()
    assert play.arrived() == [("20 10:00", "gugus", "R-1")]
    assert "its agency is told" in str(play.alert(alert).history[0].reason)


# Duty, leave, hours


def test_the_rota_hands_over_at_midnight(play: Play) -> None:
    at(play, datetime(2026, 11, 21, 23, 58, tzinfo=WIB)).ask()
    play.until(10 * MINUTE)
    assert play.arrived()[0] == ("21 23:58", PIKET_B, "R-1")
    play.ask("R-2")
    play.now()
    assert play.arrived()[-1] == ("22 00:08", PIKET_A, "R-2")


def test_who_came_on_duty_in_between_is_told_next(play: Play) -> None:
    at(play, datetime(2026, 11, 21, 23, 58, tzinfo=WIB)).ask()
    play.until(6 * MINUTE)
    assert play.arrived() == [("21 23:58", PIKET_B, "R-1"), ("22 00:03", PIKET_A, "R-1")]


def test_a_swap_counts_while_it_lasts(play: Play) -> None:
    rota = play.roster["targets"]["polres-3301"]["roles"]["duty"]
    rota["swaps"] = [{"from": "2026-11-21T20:00:00+07:00", "to": "2026-11-21T23:30:00+07:00", "person": "piket-a"}]
    play.write_roster()
    at(play, SATURDAY_NIGHT).desk.people.turn()
    play.ask()
    play.now()
    play.until(datetime(2026, 11, 21, 23, 31, tzinfo=WIB))
    play.ask("R-2")
    play.now()
    assert [each for each in play.arrived() if each[2] == "R-2" or each[0] == "21 23:10"] == [
        ("21 23:10", PIKET_A, "R-1"), ("21 23:31", PIKET_B, "R-2"),
    ]  # fmt: skip


def test_who_is_on_leave_is_left_out(play: Play) -> None:
    play.roster["people"]["polres"]["leave"] = [{"from": "2026-11-20", "to": "2026-11-27"}]
    play.write_roster()
    play.ask()
    play.now()
    assert play.arrived() == [("20 10:00", PIKET_A, "R-1")]


def test_a_normal_alert_waits_for_the_persons_hours(play: Play) -> None:
    alert = at(play, FRIDAY_EVENING).ask(to="disnaker-3301", severity="normal")
    play.until(datetime(2026, 11, 23, 7, 29, tzinfo=WIB))
    assert play.arrived() == []
    assert play.alert(alert).held == "quiet"
    play.until(MINUTE)
    assert play.arrived() == [("23 07:30", "disnaker", "R-1")]


def test_cuti_bersama_is_no_working_day(play: Play) -> None:
    at(play, datetime(2026, 12, 23, 17, tzinfo=WIB)).ask(to="disnaker-3301", severity="normal")
    play.until(datetime(2026, 12, 27, 12, tzinfo=WIB))
    assert play.arrived() == []  # 24 December is cuti bersama, 25 is Christmas
    play.until(datetime(2026, 12, 28, 8, tzinfo=WIB))
    assert play.arrived() == [("28 07:30", "disnaker", "R-1")]


def test_a_high_alert_waits_only_for_the_night_to_end(play: Play) -> None:
    at(play, SATURDAY_NIGHT).ask(to="disnaker-3301", severity="high")
    play.until(DAY)
    assert play.arrived()[0] == ("22 06:00", "disnaker", "R-1")


def test_a_person_who_went_while_being_paged_is_left_and_the_next_is_told(play: Play) -> None:
    play.mail.says["polres@x.example"] = [Later("busy", 120)]
    alert = play.ask()
    play.now()
    del play.roster["people"]["polres"]
    play.roster["targets"]["polres-3301"]["roles"]["liaison"] = ["polres-wakil"]
    play.write_roster()
    play.until(3 * MINUTE)
    assert play.arrived() == [("20 10:02", "wakil", "R-1")]
    assert "is not in the roster any more" in [e.reason for e in play.alert(alert).history]


# Together, limits


def test_normal_alerts_of_one_person_come_as_one_message(play: Play) -> None:
    for number in range(3):
        play.ask(f"R-{number}", to="disnaker-3301", severity="normal")
        play.until(20 * timedelta(seconds=1))
    play.until(2 * MINUTE)
    assert play.arrived() == [("20 10:02", "disnaker", "R-0 R-1 R-2")]


def test_alerts_of_two_agencies_do_not_come_together(play: Play) -> None:
    play.ask("R-1", to="disnaker-3301", severity="normal")
    play.ask("R-2", to="gugus-tugas-3301", severity="normal")
    play.until(2 * MINUTE)
    assert sorted(play.arrived()) == [("20 10:02", "disnaker", "R-1"), ("20 10:02", "gugus", "R-2")]


def test_must_act_alerts_never_wait_for_each_other(play: Play) -> None:
    play.ask("R-1")
    play.ask("R-2")
    play.now()
    assert sorted(play.arrived()) == [("20 10:00", "polres", "R-1"), ("20 10:00", "polres", "R-2")]


def test_above_the_limit_the_rest_comes_as_a_digest(play: Play) -> None:
    for number in range(9):
        play.ask(f"R-{number}", to="disnaker-3301", severity="normal")
        play.until(4 * MINUTE)
    play.until(datetime(2026, 11, 20, 11, 1, tzinfo=WIB))
    assert [what for _, _, what in play.arrived()] == [f"R-{n}" for n in range(6)]
    play.until(datetime(2026, 11, 20, 11, 5, tzinfo=WIB))
    assert [what for _, _, what in play.arrived()] == ["R-6 R-7 R-8"]


def test_the_limit_does_not_hold_for_must_act(play: Play) -> None:
    for number in range(20):
        play.ask(f"R-{number}")
    play.now()
    assert len(play.arrived()) == 20


def test_a_storm_becomes_a_few_messages(play: Play) -> None:
    for number in range(300):
        play.ask(f"R-{number:03}", to="disnaker-3301", severity="normal")
    play.until(5 * MINUTE)
    arrived = play.arrived()
    assert len(arrived) == 1
    assert len(arrived[0][2].split()) == 300
    assert "dan 270 lagi" in play.mail.got[0][2].text


# Silence and inhibition


def silence(play: Play, until: datetime, to: str = "disnaker-*", ref: str = "*") -> None:
    made = Silence(to=to, ref=ref, start=play.clock.now, end=until, author="pengawas", reason="the agency moves house")
    play.store.put_silence("s-1", made)


def test_a_silence_holds_and_then_it_is_told(play: Play) -> None:
    silence(play, FRIDAY + 2 * HOUR)
    play.ask(to="disnaker-3301", severity="normal")
    play.until(119 * MINUTE)
    assert play.arrived() == []
    play.until(2 * MINUTE)
    assert play.arrived() == [("20 12:00", "disnaker", "R-1")]


def test_a_silence_holds_across_a_restart(play: Play) -> None:
    silence(play, FRIDAY + 2 * HOUR)
    play.ask(to="disnaker-3301", severity="normal")
    play.until(5 * MINUTE)
    play.close()
    play.start()
    play.until(HOUR)
    assert play.arrived() == []


def test_a_silence_that_is_ended_lets_go_at_once(play: Play) -> None:
    silence(play, FRIDAY + DAY)
    play.ask(to="disnaker-3301", severity="normal")
    play.until(5 * MINUTE)
    assert play.store.end_silence("s-1", play.clock.now)
    play.now()
    assert play.arrived() == [("20 10:05", "disnaker", "R-1")]


def test_a_silence_never_holds_must_act(play: Play) -> None:
    silence(play, FRIDAY + DAY, to="*")
    play.ask()
    play.now()
    assert play.arrived() == [("20 10:00", "polres", "R-1")]


def test_what_is_settled_in_a_silence_is_never_told(play: Play) -> None:
    silence(play, FRIDAY + HOUR)
    alert = play.ask(to="disnaker-3301", severity="normal")
    play.until(5 * MINUTE)
    play.settle(alert)
    play.until(DAY)
    assert play.arrived() == []


def test_the_alert_of_a_ring_holds_those_of_its_members(play: Play) -> None:
    ring = play.ask("K-RING", to="disnaker-3301", severity="normal", ring="ring-1", of_ring=True)
    for number in range(5):
        play.ask(f"R-{number}", to="disnaker-3301", severity="normal", ring="ring-1")
    play.ask("R-OTHER", to="disnaker-3301", severity="normal", ring="ring-2")
    play.until(10 * MINUTE)
    assert play.arrived() == [("20 10:02", "disnaker", "K-RING R-OTHER")]
    play.settle(ring)
    play.until(MINUTE)
    assert sorted(play.arrived()) == [
        ("20 10:10", "disnaker", "R-0 R-1 R-2 R-3 R-4"),
        ("20 10:10", "disnaker", "over K-RING"),
    ]


def test_a_member_on_whom_a_life_depends_is_told_although_the_ring_is_open(play: Play) -> None:
    play.ask("K-RING", ring="ring-1", of_ring=True)
    play.ask("R-1", ring="ring-1")
    play.now()
    assert sorted(what for _, _, what in play.arrived()) == ["K-RING", "R-1"]


def test_a_ring_told_to_one_agency_does_not_hold_another(play: Play) -> None:
    play.ask("K-RING", ring="ring-1", of_ring=True)
    play.ask("R-1", to="disnaker-3301", severity="normal", ring="ring-1")
    play.until(2 * MINUTE)
    assert ("20 10:02", "disnaker", "R-1") in play.arrived()


# The steps of referral's clock are alerts of their own


def test_the_steps_of_an_answer_clock_reach_deputy_head_and_task_force(play: Play) -> None:
    play.ask(to="disnaker-3301", severity="normal")
    play.until(2 * HOUR)
    play.ask(to="disnaker-3301:deputy", severity="normal", step="remind")
    play.until(2 * MINUTE)
    play.ask(to="disnaker-3301:head", severity="normal", step="escalate")
    play.until(5 * MINUTE)
    play.ask(to="gugus-tugas-3301", severity="normal", step="task_force")
    play.until(5 * MINUTE)
    assert [who for _, who, _ in play.arrived()] == ["disnaker", "disnaker.wakil", "disnaker.kepala", "gugus"]


def test_an_acknowledged_first_step_does_not_stop_the_second(play: Play) -> None:
    first = play.ask(to="disnaker-3301", severity="normal")
    play.until(2 * MINUTE)
    play.seen(first, "disnaker")
    play.ask(to="disnaker-3301:deputy", severity="normal", step="remind")
    play.until(5 * MINUTE)
    assert [who for _, who, _ in play.arrived()] == ["disnaker", "disnaker.wakil"]


# Acknowledging


def test_acknowledged_at_the_desk_nobody_else_is_told(play: Play) -> None:
    alert = play.ask()
    play.now()
    play.seen(alert, "polres")
    play.until(DAY)
    assert play.arrived() == [("20 10:00", "polres", "R-1")]
    assert play.alert(alert).seen_by == "polres"


def test_a_code_by_sms_acknowledges_from_the_phone_it_was_sent_to_alone(play: Play) -> None:
    alert = at(play, SATURDAY_NIGHT).ask()
    play.now()
    notice = play.sms.got[0][2]
    given = code(SECRET, notice.idempotency_key, "piket-b")
    assert given in notice.short
    assert answered(play.desk, PIKET_A, given) == 0
    assert answered(play.desk, PIKET_B, "000000" if given != "000000" else "111111") == 0
    assert answered(play.desk, PIKET_B, f"Siap, {given}.") == 1
    play.until(DAY)
    assert play.alert(alert).seen_by == "piket-b"
    assert len(play.arrived()) == 1


def test_one_code_acknowledges_every_alert_of_its_message(play: Play) -> None:
    play.roster["people"]["disnaker"]["channels"] = [{"channel": "sms", "to": "+628110000009"}]
    play.write_roster()
    for number in range(3):
        play.ask(f"R-{number}", to="disnaker-3301", severity="normal")
    play.until(2 * MINUTE)
    notice = play.sms.got[0][2]
    assert notice.short.startswith("3 rujukan menunggu")
    assert answered(play.desk, "+628110000009", code(SECRET, notice.idempotency_key, "disnaker")) == 3


def test_taken_by_one_person_it_cannot_be_taken_by_another(play: Play) -> None:
    alert = play.ask()
    play.now()
    play.desk.change(alert, lambda a: acknowledge.taken(a, "polres", "at the desk", play.clock.now))
    with pytest.raises(NotPossible, match="polres has taken it"):
        play.desk.change(alert, lambda a: acknowledge.taken(a, "kakanim", "at the desk", play.clock.now))


def test_handed_over_it_goes_to_that_person_and_then_along_the_rest(play: Play) -> None:
    alert = play.ask()
    play.now()
    play.seen(alert, "polres")
    now = play.clock.now
    play.desk.change(alert, lambda a: acknowledge.hand_over(a, "polres", "kakanim", play.desk.look([a], now), now))
    play.until(6 * MINUTE)
    assert play.arrived() == [
        ("20 10:00", "polres", "R-1"),
        ("20 10:00", "kakanim", "R-1"),
        ("20 10:05", PIKET_A, "R-1"),
    ]


def test_handing_over_to_a_contact_of_the_case_is_refused(play: Play) -> None:
    alert = play.ask(not_to=[token("email", "kakanim@x.example")])
    play.now()
    now = play.clock.now
    with pytest.raises(NotPossible, match="may not be told"):
        play.desk.change(alert, lambda a: acknowledge.hand_over(a, "polres", "kakanim", play.desk.look([a], now), now))


# It is over


def test_who_was_told_hears_that_it_is_over(play: Play) -> None:
    alert = play.ask()
    play.until(6 * MINUTE)
    play.settle(alert)
    play.until(DAY)
    assert play.arrived()[2:] == [("20 10:06", "polres", "over R-1"), ("20 10:06", PIKET_A, "over R-1")]
    assert [p.status for p in play.progress()][-3:] == ["settled", "resolved", "resolved"]


def test_a_normal_end_is_not_told_at_night(play: Play) -> None:
    alert = play.ask(to="disnaker-3301", severity="normal")
    play.until(2 * MINUTE)
    at(play, FRIDAY_EVENING).settle(alert)
    play.until(datetime(2026, 11, 23, 8, tzinfo=WIB))
    assert play.arrived() == [("20 10:02", "disnaker", "R-1"), ("23 07:30", "disnaker", "over R-1")]


def test_settled_before_anybody_was_told_nobody_hears_of_it(play: Play) -> None:
    alert = play.ask(to="disnaker-3301", severity="normal")
    play.settle(alert)
    play.until(DAY)
    assert play.arrived() == []


def test_an_acknowledged_alert_that_ends_is_told_as_well(play: Play) -> None:
    alert = play.ask()
    play.now()
    play.seen(alert, "polres")
    play.settle(alert)
    play.now()
    assert play.arrived()[-1] == ("20 10:00", "polres", "over R-1")


# Channels that fail


def test_a_channel_that_fails_is_tried_again_and_then_the_next_channel_of_the_same_person(play: Play) -> None:
    play.mail.says["polres@x.example"] = [Later("busy")]
    play.ask()
    play.until(MINUTE)
    assert play.arrived() == [("20 10:00", "+628110000002", "R-1")]
    assert [p.status for p in play.progress()] == ["planned", "failed", "failed", "sent"]


def test_an_address_that_does_not_exist_is_not_tried_twice(play: Play) -> None:
    play.mail.says["polres@x.example"] = [Never("no such user")]
    play.ask()
    play.now()
    assert [p.status for p in play.progress()] == ["planned", "failed", "sent"]


def test_a_retry_has_the_same_key(play: Play) -> None:
    play.mail.says["disnaker@x.example"] = [Later("greylisted"), Done("ok")]
    play.ask("R-1", to="disnaker-3301", severity="normal")
    play.ask("R-2", to="disnaker-3301", severity="normal")
    play.until(3 * MINUTE)
    keys = {p.idempotency_key for p in play.progress() if p.status in ("failed", "sent")}
    assert len(keys) == 1
    assert play.arrived() == [("20 10:02", "disnaker", "R-1 R-2")]


def test_a_receiver_may_say_how_long_to_wait(play: Play) -> None:
    play.mail.says["disnaker@x.example"] = [Later("429", 77), Done("ok")]
    play.ask(to="disnaker-3301", severity="normal")
    play.until(5 * MINUTE)
    assert [at.strftime("%H:%M:%S") for at, _, _ in play.mail.got] == ["10:03:17"]


def test_a_channel_that_fails_for_everybody_rests_and_the_others_are_used(play: Play) -> None:
    play.mail.says["polres@x.example"] = [Later("server away", channel_fails=True)]
    for number in range(4):
        play.ask(f"R-{number}")
        play.until(10 * timedelta(seconds=1))
    failed = [p for p in play.progress() if p.status == "failed"]
    assert {p.channel for p in failed} == {"mail"}
    assert len(failed) == 5  # then the channel rests: the fourth alert goes by SMS at once
    assert [who for _, who, _ in play.arrived()] == ["+628110000002"] * 4


def test_when_all_channels_rest_it_waits_and_goes_on(play: Play) -> None:
    away = Later("server away", channel_fails=True)
    for person in ("disnaker", "disnaker.wakil", "disnaker.kepala"):
        play.mail.says[f"{person}@x.example"] = [lambda: away if play.clock.now < FRIDAY + 3 * HOUR else Done("ok")]
    alert = play.ask(to="disnaker-3301", severity="normal")
    play.until(5 * HOUR)
    assert any(e.status == "held" for e in play.alert(alert).history)
    assert len(play.arrived()) == 1


def test_nothing_is_lost_when_the_channel_is_away_for_two_hours(play: Play) -> None:
    away = Later("server away", channel_fails=True)
    for address in ("polres@x.example", "wakil@x.example", "kepala@x.example", "pengawas@x.example", "a@x.example"):
        play.mail.says[address] = [lambda: away if play.clock.now < FRIDAY + 2 * HOUR else Done("ok")]
    for phone in ("+628110000002", PIKET_A, PIKET_B):
        play.sms.says[phone] = [lambda: away if play.clock.now < FRIDAY + 2 * HOUR else Done("ok")]
    play.ask()
    play.until(3 * HOUR)
    assert play.arrived() != []


# Do no harm


def test_a_contact_of_the_case_is_never_a_target(play: Play) -> None:
    alert = play.ask(not_to=[token("phone", "+628110000002")])
    play.until(DAY)
    assert "polres" not in [who for _, who, _ in play.arrived()]
    assert "may not be told of this matter" in [e.reason for e in play.alert(alert).history]


def test_contacts_are_compared_across_a_rotation_of_keys(play: Play) -> None:
    newer = str(token("phone", "+628110000002")).replace(".1.", ".2.")
    play.ask(not_to=[newer])
    play.now()
    assert play.arrived() == [("20 10:00", PIKET_A, "R-1")]


def test_nobody_is_told_unchecked_while_the_roster_is_not_tokenised(play: Play) -> None:
    play.desk.people.tokens.clear()
    alert = play.ask(not_to=[str(token("phone", "+628999"))])
    play.until(timedelta(seconds=14))
    assert play.arrived() == []
    assert play.alert(alert).held == "roster"


def test_a_drill_goes_through_one_channel_and_to_nobody_else(play: Play) -> None:
    steps = [deliver.drill("uji", "polres", n, play.desk.people.roster, play.clock.now) for n in (0, 1)]
    assert play.store.save_all(steps) == set()
    play.until(2 * DAY)
    assert [(who, what) for _, who, what in play.arrived()] == [("polres", "UJI-uji"), ("+628110000002", "UJI-uji")]
    assert play.mail.got[0][2].subject.startswith("UJI COBA")
    assert play.progress() == []  # nobody asked for it on a topic


# Time and instances


def test_a_clock_that_jumps_three_days_takes_each_step_once(play: Play) -> None:
    alert = play.ask()
    play.now()
    play.clock.now += 3 * DAY
    play.desk.turn()
    assert [e.status for e in play.alert(alert).history] == ["planned", "sent", "escalated", "sent"]


def test_a_lease_that_ran_out_sends_the_same_message_with_the_same_key(play: Play) -> None:
    alert = play.ask()
    look = play.desk.look([play.alert(alert)], play.clock.now)
    claimed = deliver.take(play.alert(alert), look, play.clock.now)  # an instance that dies before it sends
    play.store.save(claimed)
    play.now()
    assert play.arrived() == []
    play.until(61 * timedelta(seconds=1))
    assert play.arrived() == [("20 10:01", "polres", "R-1")]
    assert claimed.alert.sending is not None
    assert play.mail.got[0][2].idempotency_key == claimed.alert.sending.key


def test_two_instances_tell_each_person_once(play: Play, tmp_path: Path) -> None:
    other = Play(play.database, tmp_path)
    for number in range(40):
        play.ask(f"R-{number:02}")
    for _ in range(3):
        play.desk.turn()
        other.clock.now = play.clock.now
        other.desk.turn()
    told = [what for _, _, what in [*play.arrived(), *other.arrived()]]
    other.close()
    assert sorted(told) == [f"R-{n:02}" for n in range(40)]


def test_two_instances_that_want_the_same_message_do_not_hinder_each_other(play: Play, tmp_path: Path) -> None:
    """Each wins some of its alerts, as two bulk writes at one moment do: every alert is told once, in one of two messages."""
    other = Play(play.database, tmp_path)
    for number in range(6):
        play.ask(f"R-{number}", to="disnaker-3301", severity="normal")
    play.clock.now += 2 * MINUTE
    other.clock.now = play.clock.now
    real = play.store.due

    def half_is_taken(now: datetime, limit: int) -> list[Any]:
        due = real(now, limit)
        play.store.due = real  # type: ignore[method-assign]
        for alert in due[::2]:  # the other instance was quicker with these
            play.database["alerts"].update_one({"_id": alert.alert_id}, {"$inc": {"version": 1}})
        return due

    play.store.due = half_is_taken  # type: ignore[method-assign]
    play.desk.turn()
    other.desk.turn()
    told = [what.split() for _, _, what in [*play.arrived(), *other.arrived()]]
    other.close()
    assert sorted(ref for refs in told for ref in refs) == [f"R-{n}" for n in range(6)]
    assert len(told) == 2
