"""What leaves the door: each field as its declaration says, kept, tokenised, or not at all."""

from collections import Counter
from typing import Any

from services.contracts.fields import DoorModel, EntityRef, PersonRef
from services.intake.tokens import Tokeniser

_ENTITY_KIND = {"phone": "phone", "email": "email", "account": "account", "address": "address", "licence": "licence"}
_ENTITY_KIND |= {"passport": "passport", "nik": "subject"}


def project(data: DoorModel, tokens: Tokeniser, unreadable: Counter[str]) -> dict[str, Any]:
    """The house form of upstream data. Values that cannot be normalised are left out and counted by field name (R02)."""
    out: dict[str, Any] = {}
    for field, info in type(data).model_fields.items():
        value = getattr(data, field)
        if value is None:
            continue
        extra: dict[str, Any] = info.json_schema_extra  # type: ignore[assignment]
        name = str(extra.get("x-leaves-as") or f"{field}_token")
        match extra["x-leaves"]:
            case "kept":
                out[field] = _plain(value)
            case "token":
                token = tokens.token(extra["x-token-kind"], value, scope=_scope(data, field))
                _put(out, name, token, field, unreadable)
                if field == "number":
                    _series(out, data, value, tokens)
            case "person":
                _person(out, field, value, tokens, unreadable)
            case "niks":
                out[name] = [tokens.token("subject", each) for each in value]
            case "entities":
                out["entity_tokens"] = [e for each in value if (e := _entity(each, tokens))]
            case "nested":
                out[field] = [project(each, tokens, unreadable) for each in value]
            case "sealed" | "fairness":
                pass
            case other:
                raise TypeError(f"{type(data).__name__}.{field}: unknown way to leave: {other}")
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


def _person(out: dict[str, Any], field: str, who: PersonRef, tokens: Tokeniser, unreadable: Counter[str]) -> None:
    token, weak = tokens.person(who.name, who.phone)
    _put(out, f"{field}_token", token, field, unreadable)
    if token and weak:
        out[f"{field}_weak"] = True


def _series(out: dict[str, Any], item: Any, number: str, tokens: Tokeniser) -> None:
    if found := tokens.series(item.type, item.issuer, number):
        out["series_token"], out["series_pos"] = found


def _entity(entity: EntityRef, tokens: Tokeniser) -> dict[str, str] | None:
    kind = _ENTITY_KIND.get(entity.kind)
    token = tokens.token(kind, entity.value) if kind else tokens.person(entity.name or entity.value, entity.value)[0]
    return {"kind": entity.kind, "token": token} if token else None
