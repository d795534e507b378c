"""JSON Schemas and the AsyncAPI 3.0 document, made from the models. `make contracts` writes them; a test finds drift.

Writing refuses a change that would break an older reader or writer: such a change is a new version beside the old one.
"""

import sys
from pathlib import Path
from typing import Any

import orjson

from services.contracts.compatibility import breaking
from services.contracts.envelope import UpstreamEvent
from services.contracts.passport_events import house_model
from services.contracts.topics import by_topic
from services.contracts.upstream import REGISTRY

HERE = Path(__file__).parent
RAW, EVENTS = "passport-raw", "passport-events"


def documents() -> dict[str, Any]:
    """Every generated file by its path below this folder."""
    found: dict[str, Any] = {f"schemas/{RAW}/v1/envelope.json": UpstreamEvent.model_json_schema()}
    for type_, model in sorted(REGISTRY.items()):
        found[f"schemas/{RAW}/v1/{type_}.json"] = model.model_json_schema() | {"title": type_}
        found[f"schemas/{EVENTS}/v1/data/{type_}.json"] = house_model(type_).model_json_schema() | {"title": type_}
    for topic, models in by_topic().items():
        for message in models:
            found[f"schemas/{folder(topic)}/v1/{message.__name__}.json"] = message.model_json_schema()
    found["asyncapi.json"] = asyncapi()
    return found


def folder(topic: str) -> str:
    """`queue-<agency_id>` → `queue-agency_id`."""
    return topic.replace("<", "").replace(">", "")


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document over all topics."""
    channels: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for type_ in sorted(REGISTRY):
        messages[type_] = {
            "name": type_,
            "title": (REGISTRY[type_].__doc__ or "").strip(),
            "contentType": "application/cloudevents+json",
            "payload": {
                "allOf": [
                    {"$ref": f"schemas/{RAW}/v1/envelope.json"},
                    {"properties": {"data": {"$ref": f"schemas/{RAW}/v1/{type_}.json"}}},
                ]
            },
        }
    channels[RAW] = _channel(RAW, sorted(REGISTRY), "Upstream events with personal data in clear; read by intake only.")
    for topic, models in by_topic().items():
        for model in models:
            messages[model.__name__] = {
                "name": model.__name__,
                "title": (model.__doc__ or "").strip().splitlines()[0],
                "contentType": "application/json",
                "headers": {"type": "object", "properties": {"kind": {"type": "string", "const": model.__name__}}},
                "payload": {"$ref": f"schemas/{folder(topic)}/v1/{model.__name__}.json"},
            }
        channels[folder(topic)] = _channel(topic, [m.__name__ for m in models], "; ".join(_first(m) for m in models))
    operations = {
        f"send-{name}": {"action": "send", "channel": {"$ref": f"#/channels/{name}"}}
        for name in channels
        if name != RAW
    }
    operations["receive-passport-raw"] = {"action": "receive", "channel": {"$ref": f"#/channels/{RAW}"}}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "tppo",
            "version": "1.0.0",
            "description": "Topics of the early-warning system. Generated from services/contracts; do not edit.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def _channel(address: str, names: list[str], description: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "address": address.replace("<", "{").replace(">", "}"),
        "description": description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }
    parameters = [part.partition(">")[0] for part in address.split("<")[1:]]
    return found | (
        {"parameters": {p: {"description": "as in the directory"} for p in parameters}} if parameters else {}
    )


def _first(model: type[Any]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0].rstrip(".")


def encode(document: Any) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def main() -> int:
    wrong: list[str] = []
    for path, document in documents().items():
        file = HERE / path
        if file.exists() and path.startswith("schemas/"):
            wrong += [f"{path}: {sentence}" for sentence in breaking(orjson.loads(file.read_bytes()), document)]
    if wrong:
        sys.stderr.write("This would break older readers or writers; make a new version beside the old one:\n")
        sys.stderr.writelines(f"  {sentence}\n" for sentence in wrong)
        return 1
    for path, document in documents().items():
        file = HERE / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(document))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
