"""What the rules of a member's day and office say to the network: scam hubs, allow-list. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

from services.contracts.calendar import local_date
from services.contracts.fields import parse_time
from services.contracts.network import EntitySeen, LinkSuspected
from services.risk.network.says import Hubs
from services.risk.pack import Pack


def of(pack: Pack, row: EntitySeen) -> dict[str, Any]:
    return pack.policy.at(local_date(parse_time(row.seen_at)), row.office)


def hubs_of(pack: Pack) -> Hubs:
    """Scam hubs by the policy of a member's day and office."""

    def hubs(row: EntitySeen) -> Sequence[str]:
        found: Sequence[str] = of(pack, row).get("scam_hubs", ())
        return found

    return hubs


def unless_allowed(link: LinkSuspected, pack: Pack) -> LinkSuspected:
    """Without the members for whom the allow-list names the entity: it ties no ring between them (indicators.md, section 7)."""
    left = [row for row in link.members if not _allowed(row, pack)]
    return link if len(left) == len(link.members) else link.model_copy(update={"members": left})


def _allowed(row: EntitySeen, pack: Pack) -> bool:
    return row.entity in (of(pack, row).get("exclusions") or {}).get(row.entity_kind, {})


def allowed(pack: Pack) -> set[str]:
    """Every entry of the allow-list, `token|from|to|offices`: whoever keeps them can tell what changed."""
    return {
        f"{token}|{row.valid_from}|{row.valid_to}|{','.join(row.office_scope)}"
        for row in pack.policy.rows.get("exclusions", ())
        for tokens in (row.value or {}).values()
        for token in tokens
    }


def entities_of(entries: Iterable[str]) -> set[str]:
    """The tokens of such entries."""
    return {entry.split("|")[0] for entry in entries}
