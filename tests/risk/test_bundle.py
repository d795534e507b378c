"""A bundle judges only when everything holds: content, days, two different people. Else the rules in use go on."""

import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import OKPKey

from services.risk.active import ACTIVE, SIGNERS, ActivePack
from services.risk.bundle import Bundle, Refused, accepted, build
from services.risk.fairness import Group, Ratio, Trial
from services.risk.pack import HERE, Pack

TODAY = date(2026, 11, 24)
ANI, BUDI, CICI = (OKPKey.generate_key("Ed25519") for _ in range(3))
KNOWN = {"ani": ANI, "budi": BUDI, "ani-again": ANI}
FEW, MANY = Group(n=1000, flagged=30), Group(n=1000, flagged=90)
ALIKE = Ratio(attribute="sex", name="P", group=FEW, reference="L", of=FEW)
TRIAL = Trial(
    rules=Pack.load().digest, beside=Pack.load().digest, first_day=date(2026, 1, 1), last_day=date(2026, 10, 31),
    applications=2000, ratios=[ALIKE],
)  # fmt: skip
UNTRIED = build(HERE, date(2026, 11, 1), date(2026, 12, 31))
BUILT = UNTRIED.model_copy(update={"trial": TRIAL})
GOOD = BUILT.signed("maker", "ani", ANI).signed("checker", "budi", BUDI)


def changed(**files: str) -> Bundle:
    """Signed again after the change, so that only the content is wrong."""
    other = BUILT.model_copy(update={"files": BUILT.files | files})
    return other.signed("maker", "ani", ANI).signed("checker", "budi", BUDI)


def edited(name: str, old: str, new: str) -> Callable[[], Bundle]:
    assert old in BUILT.files[name]
    return lambda: changed(**{name: BUILT.files[name].replace(old, new, 1)})


def tried(override: str = "", **more: Any) -> Bundle:
    """Signed, with another result of its trial."""
    other = BUILT.model_copy(update={"trial": TRIAL.model_copy(update=more), "override": override})
    return other.signed("maker", "ani", ANI).signed("checker", "budi", BUDI)


UNLIKE = [ALIKE.model_copy(update={"group": MANY})]
PAYER = "indicators/same_payer_many.yaml"
BAD: dict[str, tuple[Callable[[], Bundle], str]] = {
    "unsigned": (lambda: BUILT, "not signed by a maker"),
    "no checker": (lambda: BUILT.signed("maker", "ani", ANI), "not signed by a checker"),
    "no maker": (lambda: BUILT.signed("checker", "budi", BUDI), "not signed by a maker"),
    "approved by oneself": (lambda: BUILT.signed("maker", "ani", ANI).signed("checker", "ani", ANI), "the same person"),
    "one person with two names": (lambda: BUILT.signed("maker", "ani", ANI).signed("checker", "ani-again", ANI), "the same person"),
    "a stranger": (lambda: GOOD.signed("checker", "cici", CICI), "cici, who is not known"),
    "in another's name": (lambda: BUILT.signed("maker", "ani", ANI).signed("checker", "budi", CICI), "signature of budi does not hold"),
    "changed after it was signed": (lambda: GOOD.model_copy(update={"files": GOOD.files | {PAYER: GOOD.files[PAYER].replace("decibans: 6", "decibans: 1")}}), "changed after ani signed"),
    "days stretched after it was signed": (lambda: GOOD.model_copy(update={"valid_to": date(2030, 1, 1)}), "changed after ani signed"),
    "not a signature": (lambda: GOOD.model_copy(update={"signatures": ["x.y.z"]}), "cannot be read"),
    "another role": (lambda: GOOD.signed("boss", "ani", ANI), "no known role"),  # type: ignore[arg-type]
    "never tried": (lambda: UNTRIED.signed("maker", "ani", ANI).signed("checker", "budi", BUDI), "was never tried"),
    "a trial of other rules": (lambda: tried(rules="0" * 64), "the trial was of other rules, 000000000000"),
    "tried on nobody": (lambda: tried(applications=3), "was tried on 3 applications, at least 30"),
    "one group flagged three times as often": (lambda: tried(ratios=UNLIKE), "sex P: 90 of 1,000 flagged, L 30 of 1,000: ratio 2.97 (1.99–4.43)"),
    "an override put in after it was signed": (lambda: tried(ratios=UNLIKE).model_copy(update={"override": "x"}), "changed after ani signed"),
    "out of its folder": (lambda: changed(**{"indicators/../../x.yaml": "id: x"}), "files.indicators/../../x.yaml"),
    "hidden": (lambda: changed(**{"indicators/.x.yaml": "id: x"}), "files.indicators/.x.yaml"),
    "another kind of file": (lambda: changed(**{"indicators/x.py": "1"}), "files.indicators/x.py"),
    "nothing in it": (lambda: BUILT.model_copy(update={"files": {}}).signed("maker", "ani", ANI).signed("checker", "budi", BUDI), "holds no indicator"),
    "not YAML": (edited(PAYER, "title:", "title: ["), "same_payer_many.yaml: line"),
    "a key nobody knows": (edited(PAYER, "title:", "grup: G_pay\ntitle:"), "grup"),
    "no group": (edited(PAYER, "group: G_pay\n", ""), "group"),
    "a weight in words": (edited(PAYER, "decibans: 6", "decibans: heavy"), "decibans"),
    "a grade that does not exist": (edited(PAYER, "grade: D", "grade: E"), "grade"),
    "a dimension that does not exist": (edited(PAYER, "dimension: network", "dimension: luck"), "dimension"),
    "a number out of the catalogue": (edited(PAYER, "number: 54", "number: 78"), "number"),
    "another id than the file": (edited(PAYER, "id: same_payer_many", "id: other_payer"), "the name of the file"),
    "a condition that does not parse": (edited(PAYER, "households >= 4", "households >= >= 4"), "condition"),
    "a misspelt fact": (edited(PAYER, "net.payer_account.households >= 4", "net.payer_acount.households >= 4"), "did you mean net.payer_account"),
    "a misspelt fact beside the finding": (edited(PAYER, "- net.payer_account", "- net.payer_acount"), "reads: no fact net.payer_acount"),
    "two examples only": (edited("indicators/prior_departure_deferral.yaml", "- answer: 'no'", "  note: x\n- answer: maybe"), "examples"),
    "no question": (edited(PAYER, "- Ada catatan utang?\n", ""), "questions"),
    "one language": (edited(PAYER, "  en: Same payer account\n", ""), "title"),
    "a policy row without law": (edited("policy/thresholds.yaml", "legal_ref:", "# legal_ref:"), "legal_ref"),
    "a policy day that does not exist": (edited("policy/thresholds.yaml", "2015-01-01", "2015-02-30"), "valid_from"),
    "a policy that is not YAML": (lambda: changed(**{"policy/thresholds.yaml": "- a: ["}), "thresholds.yaml: line 1"),
    "a policy that is no list": (lambda: changed(**{"policy/thresholds.yaml": "a: 1"}), "must be a list of rows"),
    "a sign that requires nobody": (edited("indicators/scam_hub_destination_with_recruitment.yaml", "requires_any_of:\n-", "requires_any_of:\n- nobody\n-"), "no such indicator: nobody"),
    "a value that a fact never has": (edited(PAYER, "net.payer_account.households >= 4", "app.purpose == 'wisatta'"), "line 17: condition: app.purpose is never 'wisatta'; did you mean 'wisata'?"),
    "text beside a number": (edited(PAYER, "net.payer_account.households >= 4", "app.stay_days > '30'"), "app.stay_days is a number, '30' is text"),
    "a number beside yes or no": (edited(PAYER, "net.payer_account.households >= 4", "person.is_minor == 1"), "person.is_minor is yes or no, 1 is a number"),
    "a value of a list of choices": (edited(PAYER, "net.payer_account.households >= 4", "int.debt_to in ['agent', 'bang']"), "int.debt_to is never 'bang'; did you mean 'bank'?"),
    "a function nobody provides": (edited(PAYER, "net.payer_account.households >= 4", "app.purpose.startswith('pelaut_')"), "no function startswith; did you mean startsWith?"),
    "a walk within a walk": (edited(PAYER, "net.payer_account.households >= 4", "doc.items.exists(i, doc.items.exists(j, i.type == j.issuer))"), "would be slow"),
    "a pattern": (edited(PAYER, "net.payer_account.households >= 4", "app.purpose.matches('(a+)+b')"), "would be slow"),
    "brackets without end": (edited(PAYER, "net.payer_account.households >= 4", f"{'(' * 30}app.stay_days > 1{')' * 30}"), "brackets stand 30 deep"),
    "a text without end": (edited(PAYER, "net.payer_account.households >= 4", " || ".join(["app.stay_days > 1"] * 90)), "characters, at most 1500"),
    "no fact at all": (edited(PAYER, "net.payer_account.households >= 4", "1 == 1"), "reads no fact"),
    "an innocent case that no example shows": (edited(PAYER, "false_positives:\n- Shop", "false_positives:\n- Tour leaders\n- Shop"), "no example shows: Tour leaders"),
    "an example of a case that is not named": (edited(PAYER, "\n- agencies\n", "\n"), "shows a false positive that is not in the list: agencies"),
    "the same question twice": (edited(PAYER, "net.payer_account.households >= 4", "net.escort.households >= 3"), "is shadowed: same_escort_many"),
    "a number twice": (edited(PAYER, "number: 54", "number: 53"), "53 is same_collector_many already"),
    "a source that does not resolve": (edited(PAYER, "sources:\n", "sources:\n- S999\n"), "S999 does not resolve"),
    "a reading that does not exist": (edited("indicators/shared_phone_many_applicants.yaml", "- R14", "- R99"), "no reading R99"),
    "a sign that lowers": (edited(PAYER, "decibans: 6", "decibans: -6"), "a sign weighs 0 or more"),
    "what protects and raises": (edited("protective/cleared_before.yaml", "decibans: -8", "decibans: 8"), "weighs 0 or less"),
    "a step that never counts": (edited("indicators/shared_phone_many_applicants.yaml", "decibans: 9", "decibans: 2"), "graded"),
    "must act and only look": (edited("indicators/threat_or_fear_disclosed.yaml", "must_act: true", "must_act: true\nmust_review: true"), "must_act says more already"),
    "switches off nobody": (edited("protective/cleared_before.yaml", "both: true", "both: true\nswitches_off: [nobody]"), "no such indicator: nobody"),
    "an answer without example": (edited("protective/cleared_before.yaml", "- answer: unknown\n  facts: {}", "- answer: 'no'\n  facts: {hist: {cleared_24_months: false}}"), "none says unknown"),
    "bands that overlap": (edited("policy/thresholds.yaml", "[80, 130, 170]", "[80, 170, 130]"), "value.levels: must rise"),
    "bands that are two": (edited("policy/thresholds.yaml", "[80, 130, 170]", "[80, 130]"), "three whole numbers"),
    "a budget of more than the day": (edited("policy/thresholds.yaml", "deep_interviews_share: 0.03", "deep_interviews_share: 3"), "deep_interviews_share: a share of the day"),
    "thresholds that end": (edited("policy/thresholds.yaml", "valid_from: 2015-01-01", "valid_from: 2015-01-01\n  valid_to: 2026-12-31"), "no row for all offices holds"),
    "a row that ends before it begins": (edited("policy/fee_cap.yaml", "valid_from: 2017-11-22", "valid_from: 2017-11-22\n  valid_to: 2017-11-21"), "ends before it begins"),
    "two rows of one day": (lambda: changed(**{"policy/fee_cap.yaml": BUILT.files["policy/fee_cap.yaml"] + BUILT.files["policy/fee_cap.yaml"]}), "another row begins on that day"),
    "an office without a place": (edited("policy/office_places.yaml", "'330122'", "'990122'"), "no place is known for kecamatan or kabupaten 990122"),
    "an exclusion without end": (edited("policy/exclusions.yaml", "  valid_to: 2015-01-01\n", ""), "an exclusion must expire"),
}  # fmt: skip


def test_more_than_forty_kinds_of_faults_are_known() -> None:
    assert len(BAD) >= 60


def test_two_people_and_the_right_day_let_it_judge() -> None:
    assert accepted(GOOD, KNOWN, TODAY).digest == Pack.load().digest
    assert Bundle.decode(GOOD.encode()) == GOOD


@pytest.mark.parametrize("kind", BAD)
def test_whatever_does_not_hold_is_refused_with_its_reason(kind: str) -> None:
    make, words = BAD[kind]
    with pytest.raises(Refused) as refused:
        accepted(make(), KNOWN, TODAY)
    assert words in str(refused.value)


def test_an_override_that_both_signed_lets_it_judge() -> None:
    assert (
        accepted(tried("explained by the board, minutes 7", ratios=UNLIKE), KNOWN, TODAY).digest == Pack.load().digest
    )


@pytest.mark.parametrize("today", [date(2026, 10, 31), date(2027, 1, 1)])
def test_it_may_be_activated_on_its_days_alone(today: date) -> None:
    with pytest.raises(Refused, match="may be activated from"):
        accepted(GOOD, KNOWN, today)


@pytest.mark.parametrize(
    ("raw", "words"), [(b"{", "line 1"), (b"[]", "(file)"), (b'{"format": 2}', "format"), (b"x" * 6_000_000, "bytes")]
)
def test_what_is_no_bundle_is_refused(raw: bytes, words: str) -> None:
    with pytest.raises(Refused) as refused:
        Bundle.decode(raw)
    assert words in str(refused.value)


def test_the_rules_in_use_go_on_when_a_bundle_is_refused_and_come_back_when_it_goes(tmp_path: Path) -> None:
    (tmp_path / SIGNERS).mkdir()
    for who, key in (("ani", ANI), ("budi", BUDI)):
        (tmp_path / SIGNERS / f"{who}.jwk.json").write_text(json.dumps(key.as_dict(private=False)))

    def put(bundle: Bundle, day: date = TODAY) -> None:
        (tmp_path / ACTIVE).unlink(missing_ok=True)
        (tmp_path / ACTIVE).write_bytes(bundle.encode())
        at = datetime(day.year, day.month, day.day, 5, tzinfo=UTC).timestamp()
        os.utime(tmp_path / ACTIVE, (at, at))

    active = ActivePack(tmp_path)
    own = active.pack.digest
    assert active.look() is None
    files = BUILT.files | {PAYER: BUILT.files[PAYER].replace("decibans: 6", "decibans: 1")}
    lighter = BUILT.model_copy(update={"files": files})
    trial = TRIAL.model_copy(update={"rules": lighter.pack().digest})
    lighter = lighter.model_copy(update={"trial": trial}).signed("maker", "ani", ANI).signed("checker", "budi", BUDI)
    put(lighter)
    assert "in use now" in str(active.look())
    assert active.pack.digest == lighter.pack().digest != own
    assert ActivePack(tmp_path).pack.digest == active.pack.digest, "as after a restart, on whatever day"
    put(BUILT, date(2026, 11, 25))
    assert "refused" in str(active.look())
    assert active.pack.digest == lighter.pack().digest
    assert active.refused == "is not signed by a maker"
    assert active.look() is None  # said once
    put(lighter, date(2027, 1, 1))
    assert "may be activated from" in str(active.look())
    (tmp_path / ACTIVE).unlink()
    assert "came along" in str(active.look())
    assert active.pack.digest == own
