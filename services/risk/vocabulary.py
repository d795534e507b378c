"""Every fact that a condition may name, by section, from the contracts. A misspelt field is an error, never a silent no."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import get_args

from services.contracts.network import EntityKind, HistFacts, LicFacts, NetFacts, RingFacts
from services.contracts.passport_events import PersonFacts, house_model
from services.contracts.upstream import REGISTRY
from services.risk.calc import DERIVED
from services.risk.licences import ROLES

_NAME = re.compile(r"\b([a-z]+)\.([a-z_0-9]+)(?:\.([a-z_0-9]+))?")
COMPANIONS = frozenset({"same_household"})
# Fields of what stands under a name of these sections.
INNER: Mapping[str, Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "net": {
            **dict.fromkeys((*get_args(EntityKind), "remote_office", "tip"), frozenset(NetFacts.model_fields)),
            "ring": frozenset(RingFacts.model_fields),
            "companions": COMPANIONS,
        },
        "lic": dict.fromkeys(ROLES, frozenset(LicFacts.model_fields)),
    }
)


@cache
def fields(policy_tables: frozenset[str]) -> Mapping[str, frozenset[str]]:
    """Names by section; `policy_tables` are those of the pack."""
    known: dict[str, set[str]] = {"dec": {"type"}}
    for type_, model in REGISTRY.items():
        known.setdefault(model.PREFIX, set()).update(house_model(type_).model_fields)
    known |= {
        "person": set(PersonFacts.model_fields), "calc": set(DERIVED), "svc": {"channel", "point"},
        "hist": set(HistFacts.model_fields), "policy": set(policy_tables), "net": set(INNER["net"]),
        "lic": {*INNER["lic"], "feed"},
    }  # fmt: skip
    return MappingProxyType({section: frozenset(names) for section, names in known.items()})


def strangers(conditions: Iterable[str], policy_tables: frozenset[str]) -> list[str]:
    """What conditions name and nobody provides, as `section.field`."""
    known = fields(policy_tables)
    found: set[str] = set()
    for text in conditions:
        for section, name, inner in _NAME.findall(text):
            if section not in known:
                continue
            if name not in known[section]:
                found.add(f"{section}.{name}")
            elif inner and name in INNER.get(section, {}) and inner not in INNER[section][name]:
                found.add(f"{section}.{name}.{inner}")
    return sorted(found)
