"""Silences: alerts that need not be told for a while, because somebody knows. Never one on which a life depends."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict, Field, model_validator

LONGEST = timedelta(days=14)


class Silence(BaseModel):
    """What is not told, until when, who said so, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: str = Field(min_length=1, max_length=64, description="agency or role; may hold *")
    ref: str = Field("*", max_length=64, description="reference of the referral or case; may hold *")
    start: datetime
    end: datetime
    author: str = Field(min_length=1, max_length=128)
    reason: str = Field(min_length=10, max_length=200)

    @model_validator(mode="after")
    def _bounded(self) -> "Silence":
        if not timedelta() < self.end - self.start <= LONGEST:
            raise ValueError(f"must end after it begins, and within {LONGEST.days} days")
        return self

    def covers(self, to: str, ref: str, now: datetime) -> bool:
        return self.start <= now < self.end and fnmatchcase(to, self.to) and fnmatchcase(ref, self.ref)


def silenced(silences: Sequence[Silence], to: str, ref: str, now: datetime) -> Silence | None:
    """The one that lasts longest of those that cover an alert."""
    return max((s for s in silences if s.covers(to, ref, now)), key=lambda s: s.end, default=None)
