"""Which rules are in use: the bundle `active.json` of a folder, taken over between two batches, else the rules that came along.

A bundle that does not hold is refused, said loudly, and what was in use goes on.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from services.risk import measures
from services.risk.bundle import Bundle, Refused, accepted, signers
from services.risk.pack import Pack

ACTIVE, PREVIOUS, SIGNERS = "active.json", "previous.json", "signers"


class ActivePack:
    """`pack` is what judges now."""

    def __init__(self, folder: Path | None, today: Callable[[], date]) -> None:
        self._folder, self._today = folder, today
        self.pack = Pack.load()
        self.refused: str | None = None
        self._seen: tuple[int, int] | None = None
        self.look()

    def look(self) -> str | None:
        """Take over a file that is new; returns a sentence when something happened."""
        file = self._folder / ACTIVE if self._folder else None
        stat = file.stat() if file and file.exists() else None
        seen = (stat.st_mtime_ns, stat.st_ino) if stat else None
        if seen == self._seen or file is None or self._folder is None:
            return None
        self._seen = seen
        if stat is None:
            self.pack, self.refused = Pack.load(), None
            return f"no bundle any more; the rules that came along are in use: {self.pack.digest[:12]}"
        try:
            self.pack = accepted(Bundle.decode(file.read_bytes()), signers(self._folder / SIGNERS), self._today())
        except (Refused, OSError, ValueError) as error:
            self.refused = str(error)
            measures.PACKS_REFUSED.inc()
            return f"the bundle is refused, {self.pack.digest[:12]} goes on: {error}"
        self.refused = None
        return f"these rules are in use now: {self.pack.digest[:12]}"

    def state(self) -> dict[str, Any]:
        return {"digest": self.pack.digest, "indicators": len(self.pack.indicators), "refused": self.refused}
