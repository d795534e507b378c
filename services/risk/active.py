"""Which rules are in use: the bundle `active.json` of a folder, taken over between two batches, else the rules that came along.

A bundle that does not hold is refused, said loudly, and what was in use goes on.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.contracts.calendar import local_date
from services.risk import measures
from services.risk.bundle import Bundle, Refused, accepted, signers
from services.risk.pack import Pack

ACTIVE, PREVIOUS, SIGNERS, SHADOW = "active.json", "previous.json", "signers", "shadow.json"


class ActivePack:
    """`pack` is what judges now; `shadow` is on trial beside it and judges nobody, so that it needs no signature."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.pack = Pack.load()
        self.refused: str | None = None
        self.shadow: Pack | None = None
        self.shadow_refused: str | None = None
        self._seen: tuple[int, int] | None = None
        self._seen_shadow: tuple[int, int] | None = None
        self.look()
        self.look_at_the_shadow()

    def look(self) -> str | None:
        """Take over a file that is new; returns a sentence when something happened."""
        file = self._folder / ACTIVE if self._folder else None
        seen = _stamp(file)
        if seen == self._seen or file is None or self._folder is None:
            return None
        self._seen = seen
        if seen is None:
            self.pack, self.refused = Pack.load(), None
            return f"no bundle any more; the rules that came along are in use: {self.pack.digest[:12]}"
        try:
            # The days of a bundle are those on which it may be activated: what was put there in time goes on, also after a restart.
            put_there = local_date(datetime.fromtimestamp(file.stat().st_mtime, UTC))
            self.pack = accepted(Bundle.decode(file.read_bytes()), signers(self._folder / SIGNERS), put_there)
        except (Refused, OSError, ValueError) as error:
            self.refused = str(error)
            measures.PACKS_REFUSED.inc()
            return f"the bundle is refused, {self.pack.digest[:12]} goes on: {error}"
        self.refused = None
        return f"these rules are in use now: {self.pack.digest[:12]}"

    def look_at_the_shadow(self) -> str | None:
        """As `look`, of the rules on trial."""
        file = self._folder / SHADOW if self._folder else None
        seen = _stamp(file)
        if seen == self._seen_shadow or file is None:
            return None
        self._seen_shadow, self.shadow, self.shadow_refused = seen, None, None
        if seen is None:
            return "no rules are on trial any more"
        try:
            self.shadow = Bundle.decode(file.read_bytes()).pack()
        except (Refused, OSError, ValueError) as error:
            self.shadow_refused = str(error)
            return f"rules on trial are refused: {error}"
        return f"these rules are on trial now: {self.shadow.digest[:12]}"

    def state(self) -> dict[str, Any]:
        return {
            "digest": self.pack.digest,
            "indicators": len(self.pack.indicators),
            "refused": self.refused,
            "shadow": self.shadow.digest if self.shadow else None,
            "shadow_refused": self.shadow_refused,
        }


def _stamp(file: Path | None) -> tuple[int, int] | None:
    """Changes whenever the file does; None without one."""
    if file is None or not file.exists():
        return None
    stat = file.stat()
    return stat.st_mtime_ns, stat.st_ino
