"""The page of topics: complete, and readable in a closed network."""

import re

import orjson

from services.contracts import topics
from services.contracts.upstream import REGISTRY
from services.intake.asyncapi_page import page


def test_every_topic_and_message_is_on_the_page_with_its_fields() -> None:
    shown = page()
    for topic, messages in topics.by_topic().items():
        assert topic.replace("<", "{").replace(">", "}") in shown
        assert all(f"<summary>{m.__name__}</summary>" in shown for m in messages)
    assert all(f"<summary>{type_}</summary>" in shown for type_ in REGISTRY)
    assert all(f"<code>{name}</code>" in shown for model in REGISTRY.values() for name in model.model_fields)


def test_the_page_loads_nothing_from_elsewhere() -> None:
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page())
    assert orjson.dumps(page())
