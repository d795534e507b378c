"""The table of entity kinds: windows, what counts, what may tie a ring."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import yaml
from pydantic import BaseModel, ConfigDict


class Kind(BaseModel):
    """One row of `kinds.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: int = 0
    minutes: int = 0
    first: int = 3
    spread: int | None = None
    issued: int | None = None
    bits: int | None = None
    ring: bool = False
    excludes: tuple[str, ...] = ()

    @property
    def window(self) -> timedelta:
        return timedelta(days=self.days, minutes=self.minutes)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        name: Kind.model_validate(row)
        for name, row in yaml.safe_load((Path(__file__).parent / "kinds.yaml").read_text()).items()
    }
)
# Members are told every count up to here, and then only these: work per event stays bounded (design, section 5).
EXACT = 12
STEPS = (25, 50, 100, 200)
HUB = STEPS[-1]


def told(households: int) -> int:
    """The count that members are told: exact up to 12, above it the step that was passed, a lower bound."""
    if households <= EXACT:
        return households
    return max((step for step in STEPS if step <= households), default=EXACT)
