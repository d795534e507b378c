"""Topics and example messages as tested contracts."""

from pathlib import Path
from typing import Any

import orjson
import pytest

import services.contracts
from services.contracts.compatibility import breaking
from services.contracts.passport_events import EventAccepted, house_model
from services.contracts.schemas import HERE, documents, encode, folder
from services.contracts.topics import by_topic
from services.contracts.upstream import REGISTRY
from services.intake.check import Checked, check
from tests.build import NOW

EXAMPLES = HERE / "examples"
MESSAGES = [(topic, model) for topic, models in by_topic().items() for model in models]


def test_generated_documents_have_not_drifted_from_the_models() -> None:
    wanted = documents()
    stale = [path for path, document in wanted.items() if (HERE / path).read_bytes() != encode(document)]
    left_over = {p.relative_to(HERE).as_posix() for p in (HERE / "schemas").rglob("*.json")} - wanted.keys()
    assert stale == [], "run `make contracts`"
    assert left_over == set()


@pytest.mark.parametrize("type_", sorted(REGISTRY))
@pytest.mark.parametrize("size", ["full", "minimal"])
def test_every_upstream_example_is_accepted(type_: str, size: str) -> None:
    raw = (EXAMPLES / "passport-raw" / "v1" / f"{type_}.{size}.json").read_bytes()
    result = check(raw, NOW)
    assert isinstance(result, Checked), result.reason
    assert result.event.type == type_
    assert result.unknown_fields == ()


@pytest.mark.parametrize("type_", sorted(REGISTRY))
def test_a_full_upstream_example_has_every_field_of_its_type(type_: str) -> None:
    raw = orjson.loads((EXAMPLES / "passport-raw" / "v1" / f"{type_}.full.json").read_bytes())
    assert raw["data"].keys() == REGISTRY[type_].model_fields.keys()


@pytest.mark.parametrize("type_", sorted(REGISTRY))
@pytest.mark.parametrize("size", ["full", "minimal"])
def test_every_house_example_decodes_and_has_the_declared_shape(type_: str, size: str) -> None:
    raw = (EXAMPLES / "passport-events" / "v1" / f"EventAccepted.{type_}.{size}.json").read_bytes()
    event = EventAccepted.decode(raw)
    shape = house_model(type_)
    assert event.data.keys() <= shape.model_fields.keys()
    assert shape.model_validate(event.data)


@pytest.mark.parametrize(("topic", "model"), MESSAGES, ids=[m.__name__ for _, m in MESSAGES])
def test_every_message_has_examples_that_decode_and_encode_to_themselves(topic: str, model: Any) -> None:
    files = sorted((EXAMPLES / folder(topic) / "v1").glob(f"{model.__name__}.*.json"))
    assert len(files) >= 2
    for file in files:
        raw = orjson.loads(file.read_bytes())
        assert orjson.loads(model.decode(file.read_bytes()).encode()).items() >= raw.items()


def test_a_reader_tolerates_fields_of_a_newer_writer() -> None:
    raw = orjson.loads((EXAMPLES / "risk-assessments" / "v1" / "RiskAssessed.full.json").read_bytes())
    model = next(m for t, m in MESSAGES if m.__name__ == "RiskAssessed")
    assert model.decode(orjson.dumps(raw | {"from_the_future": 1})) == model.decode(orjson.dumps(raw))


def _schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": sorted(properties)}


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


@pytest.mark.parametrize(
    ("new", "word"),
    [
        ({"type": "object", "properties": {}, "required": []}, "is gone"),
        (_schema(a=NUMBER), "type string"),
        (_schema(a=TEXT, b=TEXT), "is required now"),
        (_schema(a={"type": "string", "enum": ["x"]}), "takes only a list"),
        (_schema(a={"type": "array", "items": TEXT}), "type string"),
    ],
)
def test_a_change_that_breaks_a_reader_or_writer_is_named(new: dict[str, Any], word: str) -> None:
    found = breaking(_schema(a=TEXT), new)
    assert any(word in sentence for sentence in found), found


def test_a_narrower_list_of_values_breaks_and_a_wider_one_does_not() -> None:
    one = _schema(a={"type": "string", "enum": ["x", "y"]})
    two = _schema(a={"type": "string", "enum": ["x", "y", "z"]})
    assert breaking(one, two) == []
    assert breaking(two, one) == ["a: the values z are not taken any more"]


def test_an_optional_new_field_breaks_nothing() -> None:
    new = _schema(a=TEXT)
    new["properties"]["b"] = TEXT
    assert breaking(_schema(a=TEXT), new) == []


def test_a_break_inside_a_nested_object_is_found() -> None:
    old = {"$ref": "#/$defs/T", "$defs": {"T": _schema(inner={"anyOf": [_schema(x=TEXT), {"type": "null"}]})}}
    new = {"$ref": "#/$defs/T", "$defs": {"T": _schema(inner={"anyOf": [_schema(x=NUMBER), {"type": "null"}]})}}
    assert breaking(old, new) == ["inner.x: the type string is not taken any more"]


def test_every_topic_of_the_design_has_messages() -> None:
    topics = set(by_topic())
    assert topics >= {
        "passport-events", "entity-sightings", "entity-signals", "suspicious-links", "risk-assessments",
        "ring-assessments", "queue-<agency_id>", "answers-<agency_id>", "case-outcomes", "case-events",
        "alert-requests", "alert-deliveries", "passport-raw-dlq",
    }  # fmt: skip


def test_asyncapi_refers_only_to_files_that_exist() -> None:
    text = (Path(services.contracts.__file__).parent / "asyncapi.json").read_text()
    document = orjson.loads(text)
    refs = [m["payload"].get("$ref") for m in document["components"]["messages"].values()]
    assert document["asyncapi"] == "3.0.0"
    assert all((HERE / ref).exists() for ref in refs if ref)
