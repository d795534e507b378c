"""An application's vault document while the door works on it: what is stored, and what the batch at hand adds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from services.contracts.passport_events import EventAccepted
from services.contracts.upstream import REGISTRY, UpstreamData
from services.intake.accept import REMEMBERED
from services.intake.vault import DataKey, MasterKey

EVENT = EventAccepted.__name__.encode()
State = Literal["open", "restricted", "erased"]


@dataclass
class VaultEntry:
    """One application. Nothing of `added…` counts before the write succeeded (`commit`).

    `wrapped` is empty when the key was destroyed: at the end of retention (a later event gets a new key) or by erasure.
    """

    application_id: str
    state: State = "open"
    version: int = 0
    wrapped: bytes = b""
    seen: set[str] = field(default_factory=set)
    owed: dict[str, bytes] = field(default_factory=dict)
    batch: str = ""
    owed_is_open: bool = False
    added: list[dict[str, Any]] = field(default_factory=list)
    added_owed: dict[str, bytes] = field(default_factory=dict)
    added_people: set[str] = field(default_factory=set)  # subject tokens that this application is about
    new_key: bool = False
    _sealed: list[dict[str, Any]] = field(default_factory=list)
    _key: DataKey | None = None
    _clear: list[tuple[str, UpstreamData]] | None = None
    _added_clear: list[tuple[str, UpstreamData]] = field(default_factory=list)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "VaultEntry":
        events = document["events"]
        return cls(
            document["_id"], document.get("state", "open"), document["version"], bytes(document["key"]),
            {e["id"] for e in events}, {k: bytes(v) for k, v in document["owed"].items()}, document["w"],
            _sealed=[e for e in events if "sealed" in e and e["type"] in REMEMBERED],
        )  # fmt: skip

    def key(self, master: MasterKey) -> DataKey:
        """The data key; a new application gets one."""
        if self._key is None:
            self.new_key = not self.wrapped
            self._key = (
                master.new_data_key(self.application_id)
                if self.new_key
                else master.unwrap(self.wrapped, self.application_id)
            )
            self.wrapped = self._key.wrapped
        return self._key

    def remembered(self, master: MasterKey) -> list[tuple[str, UpstreamData]]:
        """(event time, clear data) of the earlier events that derivations need."""
        if self._clear is None:
            self._clear = [(e["at"], opened(e, self.key(master))) for e in self._sealed] if self.version else []
            self._sealed = []
        return self._clear + self._added_clear

    def add(self, entry: dict[str, Any], data: UpstreamData, outgoing: bytes, person: str | None = None) -> None:
        self.added.append(entry)
        if person:
            self.added_people.add(person)
        self.added_owed[entry["id"]] = outgoing
        if entry["type"] in REMEMBERED:
            self._added_clear.append((entry["at"], data))

    def has(self, event_id: str) -> bool:
        return event_id in self.seen or event_id in self.added_owed

    def owing(self) -> dict[str, bytes]:
        """What the document owes after the write: what was added, and what an open batch before it still owes."""
        return {**self.owed, **self.added_owed} if self.owed_is_open else self.added_owed

    def commit(self, batch: str) -> None:
        """The write succeeded."""
        self.owed, self.batch, self.owed_is_open = self.owing(), batch, True
        self.seen.update(self.added_owed)
        self.version += 1
        if self._clear is not None:
            self._clear += self._added_clear
        elif self.version == 1:
            self._clear = self._added_clear
        else:
            self._sealed += [e for e in self.added if e["type"] in REMEMBERED]
        self.added, self.added_owed, self._added_clear, self.added_people = [], {}, [], set()
        self.new_key = False

    def acknowledged(self) -> None:
        """The broker has everything the document owed."""
        self.owed, self.owed_is_open = {}, False


def kind_of(name: str) -> bytes:
    """Kind of an owed message: an event is owed under its id, a change of the application under `<kind>/<id>`."""
    kind, slash, _ = name.partition("/")
    return kind.encode() if slash else EVENT


def opened(event: Mapping[str, Any], key: DataKey) -> UpstreamData:
    """The clear data of one sealed event."""
    return REGISTRY[event["type"]].model_validate(orjson.loads(key.open(event["id"], bytes(event["sealed"]))))


def unsealed(document: Mapping[str, Any], master: MasterKey) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(event, clear data as it was sealed) of a vault document, in the order of arrival; what was destroyed is left out."""
    sealed = [e for e in document["events"] if "sealed" in e]
    if sealed:
        key = master.unwrap(bytes(document["key"]), document["_id"])
        for event in sealed:
            yield event, orjson.loads(key.open(event["id"], bytes(event["sealed"])))
