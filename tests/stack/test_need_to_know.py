"""Consent, breaking the glass, and the statistics, by the commands that an officer types."""

import csv
from pathlib import Path

import orjson
import pytest

from tests.stack.conftest import Played
from tests.stack.test_commands import tppo
from tests.stack.test_hand_over import Told, told, topics  # noqa: F401 - fixtures
from tests.waiting import until


@pytest.fixture(autouse=True)
def _here(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TPPO_DATA", str(played.stack.folder))


def test_an_ormas_is_asked_with_consent_and_sees_nothing_after_it_was_withdrawn(told: Told) -> None:  # noqa: F811
    rid = told.asked("accompany")["referral_id"]
    read_out = tppo("case", "consent", told.case_id).stdout
    assert "bukan NIK" in read_out
    given = tppo("case", "consent", told.case_id, "sbmi", "--actor", "petugas-1")
    assert given.exit_code == 0, given.output
    reference = given.stdout.split(":")[0]
    approved = tppo(
        "case", "approve", told.case_id, rid, "--actor", "p-1", "--reason", "diminta", "--consent", reference
    )
    assert "sbmi has until" in approved.stdout, approved.output
    with told.played.client("referral", "agency", agency="sbmi") as http:
        seen = http.get(f"/agency/referrals/{rid}").json()
        assert seen["values"]["consent"]["consent_ref"] == reference
        assert seen["values"]["needs"] == {"minor": False}
        assert "app.full_name" not in seen["values"]
        taken = tppo("case", "withdraw-consent", told.case_id, reference, "--actor", "petugas-1")
        assert taken.exit_code == 0, taken.output
        assert http.get(f"/agency/referrals/{rid}").status_code == 410
    again = tppo("case", "approve", told.case_id, rid, "--actor", "p-1", "--reason", "lagi", "--consent", reference)
    assert again.exit_code == 1


def test_whoever_breaks_the_glass_sees_the_applicant_and_two_supervisors_are_told(told: Told) -> None:  # noqa: F811
    with told.played.client("referral", "cases:read", role="officer", sub="petugas-9") as http:
        assert http.get(f"/cases/{told.case_id}/applicant").status_code == 403
    opened = tppo(
        "case", "break-glass", told.case_id, "--actor", "petugas-9", "--reason", "keluarga menelepon: hilang kontak"
    )
    assert opened.exit_code == 0, opened.output
    assert "app.full_name" in opened.stdout
    with told.played.client("referral", "cases:read", role="officer", sub="petugas-8") as http:
        assert http.get(f"/cases/{told.case_id}/applicant").status_code == 403

    def asked() -> set[str]:
        ref = (told.case or {})["case_ref"]
        found = (orjson.loads(r.value) for r in told.topics.all("alert-requests") if r.value)
        return {m["to"] for m in found if m.get("ref") == ref}

    until(lambda: {"kanim-clp:supervisor", "kanim-clp:inteldakim"} <= asked(), "the two supervisors to be told")
    reads = told.played.mongo["tppo_referral"]["reads"]
    assert reads.count_documents({"case_id": told.case_id, "purpose": "break_glass", "actor": "petugas-9"}) == 1
    access = told.played.mongo["tppo_intake"]["access"]
    assert access.count_documents({"application_id": told.subject, "purpose": "break_glass"}) == 1


def test_statistics_are_printed_and_exported(told: Told, tmp_path: Path) -> None:  # noqa: F811
    assert told.move("case_opened", "supervisor").status_code == 200
    as_json = tppo("statistics", "--json")
    assert as_json.exit_code == 0, as_json.output
    tables = orjson.loads(as_json.stdout)
    applications = [r["jumlah"] for r in tables["kantor_triwulan"] if r["apa"] == "application"]
    assert all(number % 5 == 0 for number in applications)
    assert sum(applications) >= 160
    assert tppo("statistics", "--csv", str(tmp_path / "out")).exit_code == 0
    with (tmp_path / "out" / "kantor_triwulan.csv").open() as file:
        assert next(csv.DictReader(file))["kantor"] == "CLP"
    assert "dibulatkan ke 5" in tppo("statistics").stdout
    assert "none: no rule" in tppo("ledger", "routes").stdout
