"""What leaves the door: each field as its declaration says, kept, tokenised, or not at all."""

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

from services.contracts.fields import DoorModel, EntityRef, PersonRef
from services.intake.tokens import Tokeniser

_ENTITY_KIND = {"phone": "phone", "email": "email", "account": "account", "address": "address", "licence": "licence"}
_ENTITY_KIND |= {"passport": "passport", "nik": "subject"}
WAYS = frozenset({"kept", "token", "person", "niks", "entities", "nested", "sealed", "fairness"})


@dataclass(frozen=True, slots=True)
class _Leaves:
    """How one field leaves: its declaration, read once."""

    field: str
    way: str
    name: str
    kind: str


@cache
def leaving(model: type[DoorModel]) -> tuple[_Leaves, ...]:
    """The fields of a model that leave at all. TypeError for a declaration nobody knows."""
    found = []
    for field, info in model.model_fields.items():
        extra: dict[str, Any] = info.json_schema_extra  # type: ignore[assignment]
        way = str(extra["x-leaves"])
        if way not in WAYS:
            raise TypeError(f"{model.__name__}.{field}: unknown way to leave: {way}")
        if way not in ("sealed", "fairness"):
            name = str(extra.get("x-leaves-as") or f"{field}_token")
            found.append(_Leaves(field, way, name, str(extra.get("x-token-kind", ""))))
    return tuple(found)


def project(
    data: DoorModel, tokens: Tokeniser, unreadable: Counter[str], kecamatan: str | None = None
) -> dict[str, Any]:
    """The house form of upstream data. Values that cannot be normalised are left out and counted by field name (R02).

    `kecamatan` is where the applicant lives: names that sound alike there get one weak token.
    """
    out: dict[str, Any] = {}
    values = data.__dict__
    for each in leaving(type(data)):
        value = values[each.field]
        if value is None:
            continue
        match each.way:
            case "kept":
                out[each.field] = _plain(value) if type(value) in (list, tuple) else value
            case "token":
                token = tokens.token(each.kind, value, scope=_scope(data, each.field))
                _put(out, each.name, token, each.field, unreadable)
                if each.field == "number":
                    _series(out, data, value, tokens)
            case "person":
                _person(out, each.field, value, tokens, unreadable, kecamatan)
            case "niks":
                out[each.name] = [tokens.token("subject", nik) for nik in value]
            case "entities":
                out["entity_tokens"] = [e for entity in value if (e := _entity(entity, tokens))]
            case "nested":
                out[each.field] = [project(item, tokens, unreadable, kecamatan) for item in value]
    return out


def _plain(value: Any) -> Any:
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _scope(data: DoorModel, field: str) -> str:
    """An address is a street in a desa (R44)."""
    return str(getattr(data, "domicile_desa_code", None) or "") if field == "domicile_addr" else ""


def _put(out: dict[str, Any], name: str, token: str | None, field: str, unreadable: Counter[str]) -> None:
    if token is None:
        unreadable[field] += 1
    else:
        out[name] = token


def _person(
    out: dict[str, Any], field: str, who: PersonRef, tokens: Tokeniser, unreadable: Counter[str], kecamatan: str | None
) -> None:
    token, weak = tokens.person(who.name, who.phone)
    _put(out, f"{field}_token", token, field, unreadable)
    if token and weak:
        out[f"{field}_weak"] = True
    if kecamatan and (fuzzy := tokens.token("fuzzy", who.name, scope=kecamatan)):
        out[f"{field}_fuzzy_token"] = fuzzy


def _series(out: dict[str, Any], item: Any, number: str, tokens: Tokeniser) -> None:
    if found := tokens.series(item.type, item.issuer, number):
        out["series_token"], out["series_pos"] = found


def _entity(entity: EntityRef, tokens: Tokeniser) -> dict[str, str] | None:
    kind = _ENTITY_KIND.get(entity.kind)
    token = tokens.token(kind, entity.value) if kind else tokens.person(entity.name or entity.value, entity.value)[0]
    return {"kind": entity.kind, "token": token} if token else None
