"""Settings of ledger; environment prefix TPPO_LEDGER_."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.runtime.settings import ServiceSettings


class LedgerSettings(ServiceSettings):
    """What the ledger needs."""

    model_config = SettingsConfigDict(env_prefix="TPPO_LEDGER_", frozen=True, extra="forbid")

    agencies: str = Field("", description="agency ids whose queues are read, with commas")
