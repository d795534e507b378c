"""The fairness store: how many of an application's kind there are, and how many of them were flagged. Counts alone leave, of 30 or more.

Sex, marital status and age are inputs of nothing (promise 9). They stay sealed in the vault and are opened one application at a time
to be counted (privacy-and-safety.md, section 6); who is erased or restricted is not counted.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import date
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from services.contracts.calendar import local_date
from services.contracts.fields import parse_time
from services.intake.derive import age_on
from services.intake.vault import MasterKey

SMALLEST = 30
MOST = 200_000
AGES = ((18, "<18"), (25, "18–24"), (35, "25–34"), (45, "35–44"), (200, "45+"))
POOLED = "others"

Ids = Annotated[list[str], Field(max_length=MOST)]


class GroupsRequest(BaseModel):
    """Ask how applications divide into groups, and each named list of flagged ones with them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    applications: Ids = Field(min_length=SMALLEST)
    flagged: dict[str, Ids] = Field(
        max_length=4, description="lists by name, each of applications that are in the first one"
    )
    purpose: str = Field(pattern=r"^[a-z_]{2,40}$", description="purpose code, e.g. pack_trial")
    actor: str = Field(min_length=1, max_length=128)


Group = dict[str, Any]  # {"n": applications, "flagged": {name: how many of them}}


def groups_of(form: Mapping[str, Any], at: str) -> Iterator[tuple[str, str]]:
    """Attribute and group of one application form. What the form does not say belongs to no group."""
    sex, born = form.get("sex"), form.get("birth_date")
    if sex:
        yield "sex", sex
    if born:
        age = age_on(date.fromisoformat(born), local_date(parse_time(at)))
        yield "age", next(name for limit, name in AGES if age < limit)
        if sex:  # the rule that was wrong once: women of 17 to 45 (privacy-and-safety.md, section 6)
            yield "sex_and_age", "P 17–45" if sex == "P" and 17 <= age <= 45 else POOLED
    if form.get("marital_status"):
        yield "marital_status", form["marital_status"]


async def counted(
    request: GroupsRequest, documents: AsyncIterator[dict[str, Any]], master: MasterKey
) -> dict[str, Any]:
    """{"counted": applications, "groups": {attribute: {group: Group}}}; a group of fewer than 30 is put with others."""
    flagged = {name: frozenset(ids) for name, ids in request.flagged.items()}
    sizes: dict[str, Counter[str]] = defaultdict(Counter)
    hits: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: {name: Counter() for name in flagged})
    people = 0
    async for document in documents:
        found = _form(document, master)
        if found is None:
            continue
        people += 1
        for attribute, group in groups_of(*found):
            sizes[attribute][group] += 1
            for name, ids in flagged.items():
                hits[attribute][name][group] += document["_id"] in ids
    groups = {attribute: _large_enough(sizes[attribute], hits[attribute]) for attribute in sizes}
    return {"counted": people, "groups": {a: g for a, g in groups.items() if g}}


def _form(document: Mapping[str, Any], master: MasterKey) -> tuple[dict[str, Any], str] | None:
    """The newest application form, opened; None without one, or when it may not be read."""
    if document.get("state", "open") != "open":
        return None
    forms = [e for e in document["events"] if e["type"] == "application.submitted" and "sealed" in e]
    if not forms:
        return None
    event = max(forms, key=lambda e: (parse_time(e["at"]), e["id"]))
    key = master.unwrap(bytes(document["key"]), document["_id"])
    return orjson.loads(key.open(event["id"], bytes(event["sealed"]))), event["at"]


def _large_enough(sizes: Counter[str], hits: Mapping[str, Counter[str]]) -> dict[str, Group]:
    """Small groups together; one that is still small takes the smallest large one with it, so that no difference shows it."""
    large = {group for group, n in sizes.items() if n >= SMALLEST and group != POOLED}
    pool = set(sizes) - large
    while pool and sum(sizes[g] for g in pool) < SMALLEST and large:
        smallest = min(large, key=lambda g: (sizes[g], g))
        large.remove(smallest)
        pool.add(smallest)
    parts = {group: {group} for group in sorted(large)} | ({POOLED: pool} if pool else {})
    if len(parts) < 2:  # one group alone compares with nobody
        return {}
    return {
        name: {
            "n": sum(sizes[g] for g in part),
            "flagged": {side: sum(count[g] for g in part) for side, count in hits.items()},
        }
        for name, part in parts.items()
    }
