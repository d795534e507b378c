"""A deadline as tables write it, and where a share of it is reached."""

from datetime import datetime, timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.contracts.calendar import add_working_days, add_working_time, working_time


class Deadline(BaseModel):
    """Minutes, hours or days of the calendar, or working days of the Indonesian calendar."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minutes: int | None = Field(None, ge=1)
    hours: int | None = Field(None, ge=1)
    days: int | None = Field(None, ge=1)
    working_days: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(v is not None for v in (self.minutes, self.hours, self.days, self.working_days)) != 1:
            raise ValueError("give one of minutes, hours, days, working_days")
        return self

    def after(self, moment: datetime) -> datetime:
        if self.working_days:
            return add_working_days(moment, self.working_days)
        return moment + timedelta(minutes=self.minutes or 0, hours=self.hours or 0, days=self.days or 0)


def share(start: datetime, due: datetime, percent: int, *, working: bool) -> datetime:
    """The moment when `percent` of the time to the deadline has passed; on working days only when the deadline counts those."""
    if percent == 100:
        return due
    if not working:
        return start + (due - start) * percent / 100
    return add_working_time(start, working_time(start, due) * percent / 100)


def shifted(moment: datetime, paused_at: datetime, now: datetime, *, working: bool) -> datetime:
    """`moment` later by as long as the pause was, counted as the deadline counts."""
    return add_working_time(moment, working_time(paused_at, now)) if working else moment + (now - paused_at)
