"""Which messages stand on which topic: everything that declares a topic, found by itself."""

import importlib
import pkgutil

import services.contracts as package
from services.contracts.message import KINDS, Message

for _module in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
    if _module not in ("schemas", "topics"):
        importlib.import_module(f"services.contracts.{_module}")


def by_topic() -> dict[str, list[type[Message]]]:
    """Messages by topic, both in order of their names."""
    found: dict[str, list[type[Message]]] = {}
    for _, model in sorted(KINDS.items()):
        found.setdefault(model.TOPIC, []).append(model)
    return dict(sorted(found.items()))
