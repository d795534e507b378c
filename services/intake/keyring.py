"""Newer keys while intake runs: the key files are read again, and what the vault holds moves to the newest keys.

Wrapped data keys move under the newest master key, links of people to the newest subject tokens. Nothing stops meanwhile:
older keys still open, and a person is looked up by the tokens of every version.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from services.contracts.passport_events import TokenKeysRotated
from services.intake.receiver import Receiver
from services.intake.settings import IntakeSettings
from services.intake.store import VaultStore
from services.intake.tokens import Tokeniser
from services.intake.vault import MasterKey
from services.runtime.away import AWAY
from services.runtime.settings import SettingsError

LOOK_EVERY_S = 2.0
A_STEP = 500


@dataclass
class Keyring:
    """The keys of this process and how far the vault has moved."""

    master: MasterKey
    tokens: Tokeniser
    store: VaultStore
    receiver: Receiver
    clock: Callable[[], datetime]
    moving: bool = False

    def state(self) -> dict[str, object]:
        return {"token_version": self.tokens.version, "master_version": self.master.version, "moving": self.moving}

    async def follow(self, log: structlog.typing.FilteringBoundLogger) -> None:
        """Look at the files; move when they changed, or when the store says that a move was cut short."""
        self.moving = await self._behind()
        while True:
            try:
                self._read_again()
                if self.moving:
                    await self.move()
                    await self.store.set_mark("keys", self._name())
                    self.master.forget()
                    self.moving = False
                    log.info("on the newest keys", **self.state())
            except (SettingsError, ValueError) as error:
                log.error("the key files were not taken over", reason=str(error))
            except AWAY as error:
                log.warning("moving to newer keys waits", reason=type(error).__name__)
            await asyncio.sleep(LOOK_EVERY_S)

    def _read_again(self) -> None:
        """`moving` is set with the first look at newer keys, so that nobody takes them for moved before they are.

        Also when a key was only taken out: another process may have wrapped with it until a moment ago.
        """
        settings = IntakeSettings.load()
        if self.master.follow(settings.master_keys):
            self.moving = True
            self.receiver.forget()  # remembered entries hold data keys as an older master key wrapped them
        self.moving |= self.tokens.follow(settings.token_keys)

    async def _behind(self) -> bool:
        """Whether the vault was last moved to other keys than these; a new vault was not, and has nothing to move."""
        while True:
            try:
                return bool(await self.store.mark("keys") != self._name())
            except AWAY:
                await asyncio.sleep(LOOK_EVERY_S)

    def _name(self) -> str:
        return f"{self.master.fingerprint}/{self.tokens.version}"

    async def move(self) -> None:
        """Everything the vault holds, in steps that are safe to repeat."""
        await self._move_data_keys()
        await self._move_links()
        if self.tokens.version > 1:
            await self.receiver.tell(TokenKeysRotated(version=self.tokens.version, at=self.clock().isoformat()))

    async def _move_data_keys(self) -> None:
        async for found in self.store.wrapped_keys(A_STEP):
            await self.store.wrap_anew(self._newer(found))
        await self.store.wrap_anew(self._newer(await self.store.wrapped_rejects()), rejects=True)

    def _newer(self, found: list[tuple[str, bytes]]) -> list[tuple[str, bytes, bytes]]:
        newer = ((id_, old, self.master.wrapped_anew(old, id_)) for id_, old in found if old)
        return [(id_, old, new) for id_, old, new in newer if new is not None]

    async def _move_links(self) -> None:
        async for found in self.store.links(A_STEP):
            moved = {}
            for link, at in found:
                token, _, application = link.partition("/")
                newest = self.tokens.newest(token)
                if newest and newest != token:
                    moved[link] = (f"{newest}/{application}", at)
            await self.store.relink(moved)
