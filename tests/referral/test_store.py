"""The store of cases on the embedded store: looks by time find all, in order, once."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import mongoengine
import pytest
from pydantic import SecretStr

from services.referral.rekey import Rekey
from services.referral.store import INDEXES, CaseStore
from services.runtime.documents import migrate
from services.runtime.settings import StoreSettings
from tests import own_store
from tests.referral.cases import NOW, TABLES, assessed, step_of

AGENCY = "bp3mi-jateng"


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CaseStore]:
    """Thirty cases, three of one moment each, a minute apart."""
    with own_store.running(tmp_path_factory.mktemp("store")) as server:
        uri = own_store.address(server)
        mongoengine.connect("tppo_referral", host=uri, alias="default", tz_aware=True)
        try:
            migrate(StoreSettings(uri=SecretStr(uri)), "referral", INDEXES)
            kept = CaseStore(TABLES.clocks)
            for number in range(30):
                message = assessed("work_intent_not_in_siskop2mi").model_copy(
                    update={"application_id": f"A{number:02}"}
                )
                step = step_of(message)
                step.case.touched_at = NOW + timedelta(minutes=number // 3)
                kept.save(step)
            yield kept
        finally:
            mongoengine.disconnect("default")


@pytest.mark.parametrize("limit", [1, 2, 7, 50])
def test_pages_of_an_agency_hold_every_case_once_and_in_order(cases: CaseStore, limit: int) -> None:
    until, found, place = NOW + timedelta(days=3), list[Any](), None
    while page := cases.asked(AGENCY, "sent", place, until, limit):
        assert len(page) <= limit
        found += [(c.touched_at, c.case_id) for c in page]
        place = found[-1]
    assert len(set(found)) == 30
    assert found == sorted(found)


def test_what_is_of_the_very_moment_up_to_which_is_looked_is_found(cases: CaseStore) -> None:
    assert len(cases.asked(AGENCY, "sent", None, NOW + timedelta(minutes=1), 50)) == 6
    assert len(cases.asked(AGENCY, "sent", (NOW, "zzz"), NOW + timedelta(minutes=1), 50)) == 3
    assert cases.asked(AGENCY, "sent", None, NOW - timedelta(milliseconds=1), 50) == []
    assert cases.asked(AGENCY, "answered", None, NOW + timedelta(days=3), 50) == []


def test_the_longest_due_come_first(cases: CaseStore) -> None:
    late = cases.due(NOW + timedelta(days=60), 50)
    assert len(late) == 30
    assert cases.due(NOW - timedelta(days=1), 50) == []
    assert len(cases.due(NOW + timedelta(days=60), 7)) == 7


def test_newer_keys_reach_every_case_and_every_worker_says_so(cases: CaseStore) -> None:
    """One of two was told. A case that somebody writes while it is moved is not passed by."""
    older, newer = f"phone.1.{7:032x}", f"phone.2.{8:032x}"
    cases.collection.update_many({}, {"$set": {"facts.app.phone_token": older}})
    (written,) = cases.collection.find({}, {"_id": 1}).sort("_id", 1).skip(3).limit(1)
    meanwhile = iter([written["_id"]])

    def newest(tokens: Iterable[str], at_least: int) -> tuple[int, dict[str, str]]:
        for case_id in meanwhile:
            cases.collection.update_one({"_id": case_id}, {"$inc": {"version": 1}})
        return at_least, dict.fromkeys(tokens, newer)

    told, other = Rekey(cases, newest), Rekey(cases, newest)
    told.want(2)
    for worker in (told, other):
        while worker.turn():
            pass
        assert worker.state() == {"moving": False, "token_version": 2}
        assert cases.collection.distinct("facts.app.phone_token") == [newer]
