"""Apache Kafka with SASL/SCRAM and ACLs: every service with its own user and rights, and agencies that see their own queue only.

Three clients as agencies use them: kafka-python, confluent-kafka (librdkafka) and the Java client (the kit's `Agency.java`).
"""

import os
import secrets
import subprocess
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Consumer as RdConsumer
from confluent_kafka import KafkaError as RdError
from confluent_kafka import Producer as RdProducer
from kafka import TopicPartition
from kafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError

from services.contracts.referrals import ReferralAnswered
from services.embedded.stack import SERVICES, TOPICS
from services.referral.tables import Tables
from services.runtime import rights, topics
from services.runtime.broker import Outgoing, Producer, consumer
from services.runtime.settings import KafkaSettings
from tests.kafka import apache
from tests.stack.conftest import Follower, Played, run_day
from tests.stack.test_hand_over import Told
from tests.waiting import until

pytestmark = pytest.mark.kafka
A, B = "polres-3302", "polres-3301"
KIT = Path(__file__).parents[2] / "deploy" / "agency-kit"


@pytest.fixture(scope="module")
def passwords() -> dict[str, str]:
    return {user: secrets.token_hex(16) for user in ("admin", "passport-system", *SERVICES, A, B)}


@pytest.fixture(scope="module")
def played(passwords: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    broker = apache.start(tmp_path_factory.mktemp("secured-kafka"), passwords)
    try:
        yield from run_day(tmp_path_factory.mktemp("stack"), f"127.0.0.1:{broker.port}", 40, passwords)
    finally:
        broker.stop()


@pytest.fixture(scope="module")
def told(played: Played) -> Iterator[Told]:
    """A referral for agency A."""
    follower = Follower(played.kafka, f"queue-{A}", f"answers-{A}")
    yield Told(played, follower)
    follower.close()


def as_(played: Played, user: str) -> KafkaSettings:
    return played.stack.kafka(user)


def test_every_service_works_with_its_own_user_and_rights(played: Played) -> None:
    assert played.figures["unaccounted"] == 0
    assert played.figures["assessed"] > 0
    agencies = list(Tables.load().agencies)
    wanted = rights.read_rights(TOPICS, agencies, topics.read_table(TOPICS, agencies))
    assert rights.apply(as_(played, "admin"), wanted) == ([], [])  # all there, none that the table does not know


def of_kafka_python(settings: KafkaSettings, topic: str) -> set[str]:
    reader = consumer(settings, None)
    try:
        reader.assign([TopicPartition(topic, 0)])
        reader.beginning_offsets([TopicPartition(topic, 0)])  # says what polling only logs: who may not
        reader.seek_to_beginning()
        found: set[str] = set()
        for _ in range(20):
            for records in reader.poll(timeout_ms=250).values():
                found |= {r.key.decode() for r in records}
        return found
    finally:
        reader.close()


def rd(settings: KafkaSettings) -> dict[str, Any]:
    assert settings.password is not None
    return {
        "bootstrap.servers": settings.bootstrap, "security.protocol": settings.security, "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": settings.username, "sasl.password": settings.password.get_secret_value(),
    }  # fmt: skip


def of_librdkafka(settings: KafkaSettings, topic: str, group: str) -> tuple[set[str], set[int]]:
    """Keys that came, and codes of errors."""
    reader = RdConsumer(
        rd(settings) | {"group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    )
    reader.subscribe([topic])
    keys, errors = set[str](), set[int]()
    try:
        for _ in range(40):
            record = reader.poll(0.25)
            error = record.error() if record is not None else None
            if error is not None:
                errors.add(error.code())
            elif record is not None:
                keys.add((record.key() or b"").decode())
            if keys or errors:
                break
        while (record := reader.poll(0.5)) is not None and not record.error():
            keys.add((record.key() or b"").decode())
    finally:
        reader.close()
    return keys, errors


def java(settings: KafkaSettings, agency: str, folder: Path) -> subprocess.CompletedProcess[str]:
    assert settings.password is not None
    (folder / "password").write_text(settings.password.get_secret_value())
    env = os.environ | {
        "TPPO_KAFKA": settings.bootstrap, "TPPO_SECURITY": settings.security, "TPPO_AGENCY": agency, "TPPO_USER": settings.username or "",
        "TPPO_PASSWORD_FILE": str(folder / "password"), "TPPO_ONCE": "1",
    }  # fmt: skip
    command = ["java", "-cp", f"{apache.fetch()}/*", str(KIT / "Agency.java")]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=180, check=False)


def test_an_agency_reads_its_queue_with_three_clients_and_answers(told: Told, tmp_path: Path) -> None:
    settings, referral_id = as_(told.played, A), told.asked("protect_now")["referral_id"]
    until(lambda: referral_id in told.standing(A), "the referral in the queue")
    wanted = told.standing(A)
    assert wanted <= of_kafka_python(settings, f"queue-{A}")
    keys, errors = of_librdkafka(settings, f"queue-{A}", f"{A}.rd")
    assert (wanted <= keys, errors) == (True, set())
    ran = java(settings, A, tmp_path)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert all(key in ran.stdout for key in wanted)
    until(
        lambda: told.asked("protect_now")["state"] == "acknowledged", "the Java client's acknowledgement to be taken in"
    )


def test_an_agency_cannot_read_the_queue_of_another(told: Told, tmp_path: Path) -> None:
    settings = as_(told.played, B)
    with pytest.raises(TopicAuthorizationFailedError):
        of_kafka_python(settings, f"queue-{A}")
    assert of_librdkafka(settings, f"queue-{A}", f"{B}.rd") == (set(), {RdError.TOPIC_AUTHORIZATION_FAILED})
    assert of_librdkafka(settings, f"queue-{B}", f"{A}.rd")[1] == {RdError.GROUP_AUTHORIZATION_FAILED}
    ran = java(settings, A, tmp_path)
    assert ran.returncode == 1
    assert "refused by the broker: Not authorized to access" in ran.stderr
    assert told.asked("protect_now")["referral_id"] not in ran.stdout


@pytest.mark.parametrize(
    "topic", ["passport-raw", "passport-events", "risk-assessments", "case-events", f"answers-{A}"]
)
def test_an_agency_sees_no_other_topic(played: Played, topic: str) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        of_kafka_python(as_(played, B), topic)
    names = consumer(as_(played, B), None)
    try:
        assert names.topics() <= {f"queue-{B}", f"answers-{B}"}
    finally:
        names.close()


@pytest.mark.parametrize("topic", [f"answers-{A}", f"queue-{B}", "case-outcomes", "passport-raw"])
def test_an_agency_writes_its_own_answers_and_nothing_else(told: Told, topic: str) -> None:
    word = ReferralAnswered(
        answer_id=uuid.uuid4().hex, referral_id=told.asked("protect_now")["referral_id"], status="final", code="no_crime_found",
        answered_at=datetime.now(UTC).isoformat(),
    )  # fmt: skip
    before = told.asked("protect_now")
    producer = Producer(as_(told.played, B))
    with pytest.raises(TopicAuthorizationFailedError):
        producer.send_all([Outgoing(topic, b"k", word.encode(), [("kind", b"ReferralAnswered")])])
    producer.close()
    failed: list[Any] = []
    writer = RdProducer(rd(as_(told.played, B)))
    writer.produce(topic, value=orjson.dumps({}), on_delivery=lambda error, _: failed.append(error))
    writer.flush(20)
    assert [error.code() for error in failed] == [RdError.TOPIC_AUTHORIZATION_FAILED]
    assert told.asked("protect_now") == before


def test_what_an_agency_answers_to_another_ones_referral_is_refused_to_its_face(told: Told) -> None:
    """It may write to its own answers; what it was not asked it cannot answer."""
    rid, answer_id = told.asked("protect_now")["referral_id"], uuid.uuid4().hex
    word = ReferralAnswered(
        answer_id=answer_id,
        referral_id=rid,
        status="final",
        code="no_crime_found",
        answered_at=datetime.now(UTC).isoformat(),
    )
    producer = Producer(as_(told.played, B))
    assert (
        producer.send_all([Outgoing(f"answers-{B}", rid.encode(), word.encode(), [("kind", b"ReferralAnswered")])]) == 1
    )
    producer.close()
    follower = Follower(as_(told.played, B), f"queue-{B}")
    try:
        until(lambda: any(r.key == answer_id.encode() for r in follower.all(f"queue-{B}")), "the refusal in its queue")
    finally:
        follower.close()
    assert told.asked("protect_now")["answer_code"] is None


def test_a_service_may_not_do_the_work_of_another(played: Played) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        of_kafka_python(as_(played, "risk"), "passport-raw")
    reader = consumer(as_(played, "notify"), "referral")
    try:
        reader.subscribe(["alert-requests"])
        with pytest.raises(GroupAuthorizationFailedError):
            until(lambda: bool(reader.poll(timeout_ms=250)), "nothing", 20)
    finally:
        reader.close()
