"""What an application has heard from the network, folded into its sections `net` and `hist`. Pure.

Whoever names something that nobody else names is alone with it: that is an answer, no missing fact. Several things of one kind: the
one with most households speaks; marks and bursts of all of them hold.
"""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from services.contracts.network import EntityKind, EntitySignalled, NetFacts
from services.risk.network import history
from services.risk.network.count import ALONE
from services.risk.network.kinds import KINDS, told
from services.risk.network.sightings import Shown

NAMES = tuple(NetFacts.model_fields)
COUNTED = frozenset(KINDS)
OF_PERSONS = frozenset({"companion", "other_identity"})
assert set(get_args(EntityKind)) >= COUNTED


def keep(signals: dict[str, EntitySignalled], signal: EntitySignalled) -> bool:
    """Keeps the newest of each entity and role; False when it is older than what stands there, or the same again."""
    place = f"{signal.entity_kind} {signal.entity}"
    kept = signals.get(place)
    if kept is not None and (kept.record_version > signal.record_version or kept == signal):
        return False
    signals[place] = signal
    return True


def sections(
    shown: Shown, signals: Mapping[str, EntitySignalled], policy: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """`net` and `hist`. `policy` are the tables of the application's day and office."""
    allowed = policy.get("exclusions") or {}
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    alone = set(shown.alone)
    near: dict[str, set[str]] = {}
    hist: dict[str, Any] = {}
    sources = 0
    for (kind, entity), row in shown.rows.items():
        signal = signals.get(f"{kind} {entity}")
        if kind == "subject":
            hist = _history(row, signal, policy)
            continue
        if kind not in COUNTED and kind not in OF_PERSONS:
            continue
        names = allowed.get(kind, {})
        if signal is None and entity not in names and kind not in OF_PERSONS:
            alone.add(kind)
            continue
        facts = _facts(signal)
        if kind in OF_PERSONS:
            by_kind.setdefault(kind, []).append(facts)
            continue
        if entity in names:
            facts = {k: v for k, v in facts.items() if k == "marked"} | {"exclusions": [f"allow_list:{names[entity]}"]}
        sources = max(sources, facts.get("sources", 0))
        if signal is not None and signal.near is not None:
            near.setdefault(kind, set()).update(signal.near)
        by_kind.setdefault(kind, []).append({**ALONE, **facts})
    net = dict.fromkeys(alone, ALONE)
    for kind in by_kind.keys() - OF_PERSONS:
        net[kind] = _one([*by_kind[kind], ALONE] if kind in alone else by_kind[kind])
    for kind, households in near.items():
        net[kind] = dict(net[kind])
        net[kind]["households"] = max(net[kind]["households"], told(len(households)))
    if net:
        net["tip"] = {"sources": sources}
    ring = signals.get("ring ring")
    if ring is not None and ring.ring is not None and ring.ring.ring_id:
        net["ring"] = ring.ring.model_dump(exclude_none=True)
    elif net:
        net["ring"] = {"people": 1, "kabupaten": 1, "density_pct": 0, "licensed_pct": 0}
    net |= _persons(by_kind)
    return {"net": net, "hist": hist}


def _facts(signal: EntitySignalled | None) -> dict[str, Any]:
    if signal is None or signal.net is None:
        return {}
    facts = {name: value for name, value in signal.net.__dict__.items() if value is not None}
    if signal.exclusions:
        facts["exclusions"] = list(signal.exclusions)
    return facts


def _history(row: Mapping[str, Any], signal: EntitySignalled | None, policy: Mapping[str, Any]) -> dict[str, Any]:
    """What the person's other applications say, else what the own one does."""
    if signal is not None and signal.hist is not None:
        return signal.hist.model_dump(exclude_none=True)
    return history.told(row["past"], (), policy.get("scam_hubs", ()))


def _one(several: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The strongest, with the marks of all."""
    several = sorted(several, key=lambda f: (-f["households"], repr(sorted(f.items(), key=lambda i: i[0]))))
    found = dict(several[0])
    if marked := sorted({mark for facts in several for mark in facts.get("marked", ())}):
        found["marked"] = marked
    for name in ("burst", "harmed"):
        answers = [facts[name] for facts in several if name in facts]
        if answers:
            found[name] = any(answers)
    return found


def _persons(by_kind: Mapping[str, list[Mapping[str, Any]]]) -> dict[str, Any]:
    """Companions are of the family when every one of them is known to be; one who is not is enough for no."""
    found: dict[str, Any] = {}
    for kind, name in (("companion", "companions"), ("other_identity", "other_identity")):
        answers = [facts.get("same_household") for facts in by_kind.get(kind, ())]
        if answers and (False in answers or None not in answers):
            found[name] = {"same_household": False not in answers}
    return found
