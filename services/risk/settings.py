"""Settings of risk; environment prefix TPPO_RISK_."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.runtime.settings import ServiceSettings


class RiskSettings(ServiceSettings):
    """What risk needs."""

    model_config = SettingsConfigDict(env_prefix="TPPO_RISK_", frozen=True, extra="forbid")

    intake_url: str = Field("http://127.0.0.1:8080", description="intake, for newer tokens after a key rotation")
    key_file: Path = Field(description="private key that signs calls to intake, a JWK")
    packs: Path | None = Field(
        None, description="folder with active.json and signers/; without it the rules that came along"
    )
    batch: int = Field(2000, ge=1, le=5000, description="events taken at once, at most")
    held: int = Field(4000, ge=0, description="records kept in hand after they were written; some 40 kB each")
    within_s: float = Field(0.05, gt=0, le=5, description="longest wait for a batch to fill, seconds")
    max_unexpected: int = Field(20, ge=1, description="unexpected errors of one run before the worker ends itself")
    stalled_after_s: float = Field(
        60, ge=1, description="a batch without any progress for so long ends the worker; every step has a shorter limit"
    )
