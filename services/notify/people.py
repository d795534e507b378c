"""The roster as it stands now: read again when its file changes, and with the tokens of everybody's phones and addresses.

A contact of a case is known by token alone, so the roster is tokenised by intake, once for each address, and kept.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import structlog

from services.contracts import tokens
from services.contracts.tokens import Newer
from services.notify.chains import Chains
from services.notify.duty import unreachable
from services.notify.roster import Person, Roster
from services.notify.store import AlertStore
from services.runtime.identity import Signer
from services.runtime.newest import KeysUnreachable, signed_post
from services.runtime.yaml_file import YamlFault

Newest = Callable[[Iterable[str], int], tuple[int, dict[str, str]]]
PHONES = ("sms", "whatsapp")
AT_ONCE = 50  # asked in one turn, so that the loop goes on


class Tokens:
    """Asks intake for the token of an address."""

    def __init__(self, url: str, signer: Signer) -> None:
        self._http, self._signer = httpx.Client(base_url=url, timeout=10), signer

    def __call__(self, kind: str, value: str) -> str | None:
        """None when the value is no phone or address. KeysUnreachable when intake does not answer."""
        asked = {"kind": kind, "value": value, "purpose": "roster", "actor": "notify"}
        answer = signed_post(self._http, self._signer, "notify", "/vault/tokens", asked)
        if answer.status_code == 422:
            return None
        if answer.status_code != 200:
            raise KeysUnreachable(f"answered {answer.status_code}")
        return str(answer.json()["token"])


def addresses(person: Person) -> list[tuple[str, str]]:
    """(kind, value) of everything by which a person could stand on a case."""
    found = [("phone", person.phone)] if person.phone else []
    for way in person.channels:
        if way.channel in PHONES:
            found.append(("phone", way.to))
        elif way.channel == "mail":
            found.append(("email", way.to))
    return sorted(set(found))


class People:
    """The roster in use."""

    def __init__(
        self, path: Path, chains: Chains, channels: set[str], store: AlertStore, token: Callable[[str, str], str | None],
        newest: Newest, log: structlog.typing.FilteringBoundLogger,
    ) -> None:  # fmt: skip
        self._path, self._chains, self._channels = path, chains, channels
        self._store, self._token, self._newest, self._log = store, token, newest, log
        self._stamp: tuple[int, int] = (0, 0)
        self.tokens: dict[str, frozenset[str]] = {}
        self._missing: list[str] = []
        self.fault: str | None = None
        self.roster = self._read()
        self._know()

    def turn(self) -> None:
        """Read a changed file; a file with a fault changes nothing and is said. Ask for tokens that are missing."""
        if self._stamp != self._now():
            try:
                self.roster = self._read()
                self.fault = None
                self._know()
                self._log.info("the roster was read again", people=len(self.roster.people))
            except (YamlFault, OSError) as error:
                self._stamp, self.fault = self._now(), str(error)
                self._log.error("the roster has a fault; the one before stays in use", fault=str(error))
        for ref in self._missing[:AT_ONCE]:
            try:
                self._ask(ref)
            except KeysUnreachable as error:
                self._log.warning("the roster is not tokenised", reason=str(error), missing=len(self._missing))
                return

    def of_one_version(self, not_to: Sequence[str]) -> list[str]:
        """Contacts in the newest form of their tokens; the roster is moved to it as well, so that both can be compared."""
        both = {*not_to, *(t for own in self.tokens.values() for t in own)}
        versions = tokens.versions(both)
        if len(versions) < 2:
            return list(not_to)
        newer = Newer(*self._newest(both, max(versions)))
        self._store.move_roster_tokens(newer)
        self.tokens = {ref: frozenset(tokens.moved(sorted(own), newer)) for ref, own in self.tokens.items()}
        moved: list[str] = tokens.moved(list(not_to), newer)
        return moved

    def _now(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return (0, 0)
        return found.st_mtime_ns, found.st_ino

    def _read(self) -> Roster:
        stamp = self._now()
        roster = Roster.load(self._path, self._channels)
        sleeping = list(unreachable(roster, self._chains.of("must_act", "x", "new"), datetime.now(UTC)))
        for target, must, moment in sleeping:
            if must:
                when = moment.strftime("%Y-%m-%d %H:%M UTC")
                raise YamlFault(
                    f"{self._path.name}: targets.{target}: must_act, and nobody is in their hours on {when}"
                )
        self._log.info(
            "agencies that nobody answers for at some hour; see tppo notify lint --hours", count=len(sleeping)
        )
        self._stamp = stamp
        return roster

    def _know(self) -> None:
        """Tokens that are kept; whose addresses changed is asked for anew, and not told of anything unchecked until then."""
        kept = self._store.roster_tokens()
        self.tokens, self._missing = {}, []
        for ref, person in self.roster.people.items():
            fingerprint, found = kept.get(ref, ("", []))
            if not addresses(person) or fingerprint == _fingerprint(person):
                self.tokens[ref] = frozenset(found if addresses(person) else ())
            else:
                self._missing.append(ref)

    def _ask(self, ref: str) -> None:
        person = self.roster.people[ref]
        found = [token for kind, value in addresses(person) if (token := self._token(kind, value))]
        self._store.put_roster_tokens(ref, _fingerprint(person), found)
        self.tokens[ref] = frozenset(found)
        self._missing.remove(ref)


def _fingerprint(person: Person) -> str:
    return sha256(repr(addresses(person)).encode()).hexdigest()


def state(people: People) -> dict[str, Any]:
    """For the admin page: counts, no person."""
    return {
        "people": len(people.roster.people),
        "not_tokenised": len(people.roster.people) - len(people.tokens),
        "fault": people.fault,
    }
