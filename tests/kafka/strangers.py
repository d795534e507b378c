"""Programs that are not ours send events: the CloudEvents SDK, librdkafka, kcat. Each in every mode it has."""

import json
import os
import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from cloudevents.core.bindings import http, kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import Producer

from services.contracts.passport_events import EventAccepted
from tests.build import submitted
from tests.stack.conftest import Played
from tests.waiting import until

README = Path(__file__).parents[2] / "README.md"


def event(name: str) -> dict[str, Any]:
    return submitted() | {"id": name, "subject": f"STRANGER-{name}", "source": "urn:strangers"}


def of_sdk(name: str) -> CloudEvent:
    wanted = event(name)
    attributes = {k: v for k, v in wanted.items() if k != "data"}
    return CloudEvent(attributes | {"time": datetime.fromisoformat(wanted["time"])}, wanted["data"])


def arrived(played: Played, *names: str) -> None:
    """Each is on passport-events, once."""
    wanted = sorted(f"STRANGER-{name}" for name in names)

    def all_there() -> bool:
        found = [EventAccepted.decode(r.value).application_id for r in played.read("passport-events")]
        return sorted(f for f in found if f in wanted) == wanted

    until(all_there, f"{wanted} on passport-events", 30)


def librdkafka(played: Played) -> Producer:
    return Producer({"bootstrap.servers": played.stack.bootstrap, "enable.idempotence": True})


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_the_cloudevents_sdk_over_http(played: Played, mode: str) -> None:
    name = f"sdk-http-{mode}"
    message = {"structured": http.to_structured, "binary": http.to_binary}[mode](of_sdk(name), JSONFormat())
    with played.client("intake", "events:write") as client:
        answer = client.post("/events", content=message.body, headers=message.headers)
    assert answer.status_code == 202, answer.text
    arrived(played, name)


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_the_cloudevents_sdk_over_kafka_by_librdkafka(played: Played, mode: str) -> None:
    name = f"sdk-kafka-{mode}"
    message = {"structured": kafka.to_structured, "binary": kafka.to_binary}[mode](of_sdk(name), JSONFormat())
    producer = librdkafka(played)
    producer.produce("passport-raw", value=message.value, key=f"STRANGER-{name}", headers=list(message.headers.items()))
    assert producer.flush(20) == 0
    arrived(played, name)


def test_librdkafka_with_plain_json(played: Played) -> None:
    producer = librdkafka(played)
    for n in range(20):
        producer.produce("passport-raw", value=orjson.dumps(event(f"rd-{n}")), key=f"STRANGER-rd-{n}")
    assert producer.flush(20) == 0
    arrived(played, *(f"rd-{n}" for n in range(20)))


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_kcat(played: Played, mode: str) -> None:
    kcat = shutil.which("kcat")
    assert kcat, "kcat is not installed (Debian: apt-get install kcat)"
    name = f"kcat-{mode}"
    wanted = event(name)
    command = [kcat, "-P", "-b", played.stack.bootstrap, "-t", "passport-raw", "-k", wanted["subject"]]
    body = wanted
    if mode == "binary":
        attributes = {k: v for k, v in wanted.items() if k not in ("data", "datacontenttype")}
        command += [part for k, v in attributes.items() for part in ("-H", f"ce_{k}={v}")]
        body = wanted["data"]
    subprocess.run(command, input=json.dumps(body).encode(), check=True, timeout=30)
    arrived(played, name)


def test_the_curl_line_of_the_readme_works_as_pasted(played: Played) -> None:
    block = re.search(r"    TOKEN=.*?\n\n", README.read_text(), re.DOTALL)
    assert block is not None
    script = re.sub(r"(?m)^    ", "", block.group())
    environment = os.environ | {"INTAKE": played.stack.addresses.intake, "TPPO_DATA": str(played.stack.folder)}
    root = README.parent
    done = subprocess.run(
        ["bash", "-euc", script], cwd=root, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] in ("accepted", "duplicate")


def test_the_page_of_the_api_is_there(played: Played) -> None:
    page = httpx.get(f"{played.stack.addresses.intake}/docs")
    assert page.status_code == 200
    examples = httpx.get(f"{played.stack.addresses.intake}/openapi.json").json()
    content = examples["paths"]["/events"]["post"]["requestBody"]["content"]
    assert len(content["application/cloudevents+json"]["examples"]) == 33
