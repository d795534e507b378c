"""What a person may ask for about their own data: a copy, a pause, an end (UU 27/2022 Ps 32, 41, 43; design, promise 8).

Every request is recorded before anything is done. A change of an application is one atomic write of its vault document
that also owes the message to the other services, so that it cannot be half done.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.contracts.passport_events import ApplicationErased, ApplicationReleased, ApplicationRestricted
from services.intake.entry import State, VaultEntry, unsealed
from services.intake.receiver import Contended, Receiver
from services.intake.store import VaultStore
from services.intake.tokens import Tokeniser
from services.intake.vault import MasterKey

MAX_ROUNDS = 20
Verb = Literal["export", "restrict", "release", "erase"]


class SubjectRequest(BaseModel):
    """One request about a person, by NIK, or about one application."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    nik: str | None = Field(None, pattern=r"^[0-9]{16}$", description="all applications of this person")
    application_id: str | None = Field(None, min_length=1, max_length=64, description="or this application alone")
    request_ref: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9./_-]{0,63}$", description="reference of the letter")
    actor: str = Field(min_length=1, max_length=128, description="who acts on it: a reference, no name")
    despite_retention: bool = Field(False, description="erase what people still need; for the DPO only")

    @model_validator(mode="after")
    def _one_of_two(self) -> "SubjectRequest":
        if (self.nik is None) == (self.application_id is None):
            raise ValueError("name a nik or an application_id, not both")
        return self


@dataclass(frozen=True)
class Outcome:
    """What became of one application."""

    application_id: str
    state: str
    why: str = ""
    until: str | None = None


class Subjects:
    """Finds a person's applications and changes them."""

    def __init__(
        self,
        store: VaultStore,
        receiver: Receiver,
        master: MasterKey,
        tokens: Tokeniser,
        clock: Callable[[], datetime],
        truncate_raw: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._store, self._receiver, self._master, self._tokens = store, receiver, master, tokens
        self._clock, self._truncate_raw = clock, truncate_raw

    async def export(self, request: SubjectRequest) -> list[dict[str, Any]]:
        """Everything the vault has, in clear, and who read it."""
        return [await self._copy(name) for name in await self._begin("export", request)]

    async def restrict(self, request: SubjectRequest) -> list[Outcome]:
        """Processing pauses; events are still taken in, so that nothing is lost (Ps 41)."""
        return [await self._pause(n, "restricted") for n in await self._begin("restrict", request)]

    async def release(self, request: SubjectRequest) -> list[Outcome]:
        """Processing goes on."""
        return [await self._pause(n, "open") for n in await self._begin("release", request)]

    async def erase(self, request: SubjectRequest) -> list[Outcome]:
        """The keys are destroyed and every service is told. What people still need is kept, and said so (Ps 43, 15)."""
        names = await self._begin("erase", request)
        asked = set(self._tokens.every("subject", request.nik)) if request.nik else set()
        done = [await self._erase(name, request.despite_retention, asked) for name in names]
        if self._truncate_raw and any(o.state == "erased" for o in done):
            await self._truncate_raw()
        return done

    async def _begin(self, verb: Verb, request: SubjectRequest) -> list[str]:
        """The applications, each with its entry in the access record."""
        if request.application_id is not None:
            known = await self._store.document(request.application_id)
            names = [request.application_id] if known else []
        else:
            names = await self._store.applications_of(self._tokens.every("subject", request.nik or ""))
        about = {"kind": verb, "actor": request.actor, "purpose": "subject_request", "case_ref": request.request_ref}
        for name in names or [request.application_id or "(nik)"]:
            await self._store.record_access({"at": self._clock(), "application_id": name, "known": bool(names)} | about)
        return names

    async def _copy(self, name: str) -> dict[str, Any]:
        document = await self._store.document(name)
        reads = [{**e, "at": e["at"].isoformat()} for e in await self._store.access_of(name)]
        kept = await self._store.kept(name)
        found: dict[str, Any] = {"application_id": name, "state": "unknown", "events": [], "reads": reads}
        if kept:
            found["kept"] = {"until": kept["until"].isoformat(), "reason": kept["reason"]}
        if document is None:
            return found
        found["state"] = document.get("state", "open")
        clear = sorted(unsealed(document, self._master), key=lambda pair: (pair[0]["at"], pair[0]["id"]))
        found["events"] = [{"event_id": e["id"], "type": e["type"], "at": e["at"], "data": data} for e, data in clear]
        return found

    async def _pause(self, name: str, state: State) -> Outcome:
        kind = ApplicationRestricted if state == "restricted" else ApplicationReleased
        for _ in range(MAX_ROUNDS):
            entry = await self._entry(name)
            if entry.state in (state, "erased"):
                return Outcome(name, entry.state, "nothing to do")
            if await self._change(entry, {"state": state}, kind):
                return Outcome(name, state)
            await asyncio.sleep(0.01)
        raise Contended("the vault document is contended")

    async def _erase(self, name: str, despite_retention: bool, asked: set[str]) -> Outcome:
        """`asked` are the tokens of the person who asked, so that a link left by a crash goes with the next try."""
        for _ in range(MAX_ROUNDS):
            now, entry = self._clock(), await self._entry(name)
            if entry.state == "erased":
                await self._store.unlink(name, asked)
                return Outcome(name, "erased", "nothing to do")
            kept = await self._store.kept(name)
            if kept and kept["until"] > now and not despite_retention:
                return Outcome(name, entry.state, f"kept: {kept['reason']}", kept["until"].isoformat())
            if entry.owed_is_open:  # goes out before the word that ends it
                await self._receiver.send_owed(name, entry.owed)
            people = asked | await self._people(name)
            gone = {"state": "erased", "key": b"", "events": [{"id": i} for i in sorted(entry.seen)]}
            if await self._change(entry, gone, ApplicationErased):
                await self._store.unlink(name, people)
                return Outcome(name, "erased")
            await asyncio.sleep(0.01)
        raise Contended("the vault document is contended")

    async def _entry(self, name: str) -> VaultEntry:
        entry = (await self._store.read([name]))[name]
        entry.owed_is_open = bool(entry.owed) and bool(await self._store.still_open([entry.batch]))
        return entry

    async def _people(self, name: str) -> set[str]:
        document = await self._store.document(name)
        niks = {data.get("nik") for _, data in unsealed(document, self._master)} if document else set()
        return {token for nik in niks if nik for token in self._tokens.every("subject", nik)}

    async def _change(self, entry: VaultEntry, fields: dict[str, Any], kind: type[ApplicationRestricted]) -> bool:
        """The write, the message, and the memory of the door."""
        now, batch = self._clock(), uuid.uuid4().hex
        message = kind(application_id=entry.application_id, at=now.isoformat())
        owed = {**(entry.owed if entry.owed_is_open else {}), f"{kind.__name__}/{batch}": message.encode()}
        changed = await self._store.change(entry, fields, owed, batch, now)
        if changed:
            self._receiver.forget(entry.application_id)
            await self._receiver.send_owed(entry.application_id, owed)
        await self._store.settle([batch])
        return changed
