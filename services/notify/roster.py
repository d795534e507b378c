"""Who is told: people by target, their channels in order. Data, strict, read once."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.contracts.tokens import Newer, moved

Severity = Literal["must_act", "high", "normal"]


class RosterError(Exception):
    """The file is wrong; the text names the key."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Way(_Strict):
    """A channel and an address in it."""

    channel: str
    to: str = Field(min_length=3)


class Person(_Strict):
    """Somebody who can help; `ref` is no name. `phone_token` is compared with the contacts of a case."""

    ref: str = Field(pattern=r"^[a-z0-9-]{3,64}$")
    channels: list[Way] = Field(min_length=1)
    phone_token: str | None = None


class Roster(_Strict):
    """People in the order in which they are told."""

    wait_minutes: dict[Severity, int]
    fallback: str
    targets: dict[str, list[Person]]

    @classmethod
    def load(cls, path: Path, channels: set[str]) -> "Roster":
        try:
            roster = cls.model_validate(yaml.safe_load(path.read_text()))
        except ValidationError as error:
            first = error.errors()[0]
            raise RosterError(f"{path.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        if roster.fallback not in roster.targets:
            raise RosterError(f"{path.name}: fallback: {roster.fallback} is no target")
        for target, people in roster.targets.items():
            if not people:
                raise RosterError(f"{path.name}: targets.{target}: nobody is there")
            for way in (w for p in people for w in p.channels):
                if way.channel not in channels:
                    raise RosterError(f"{path.name}: targets.{target}: unknown channel {way.channel}")
        return roster

    @property
    def phone_tokens(self) -> set[str]:
        return {p.phone_token for people in self.targets.values() for p in people if p.phone_token}

    def moved(self, newer: Newer) -> "Roster":
        """The same roster with tokens of newer keys."""
        targets = {
            name: [p.model_copy(update={"phone_token": moved(p.phone_token, newer)}) for p in people]
            for name, people in self.targets.items()
        }
        return self.model_copy(update={"targets": targets})

    def people(self, target: str) -> tuple[list[Person], str | None]:
        """People of a target; of its agency when the role has nobody of its own; else of the fallback. With the reason."""
        if found := self.targets.get(target):
            return found, None
        near = target.partition(":")[0]
        if near != target and near in self.targets:
            return self.targets[near], f"nobody is named for {target}; its agency is told"
        return self.targets[self.fallback], f"nobody is named for {target}"
