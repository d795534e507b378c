"""Settings of referral; environment prefix TPPO_REFERRAL_."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from services.runtime.settings import ServiceSettings


class ReferralSettings(ServiceSettings):
    """What referral needs."""

    model_config = SettingsConfigDict(env_prefix="TPPO_REFERRAL_", frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="address of the API")
    port: int = Field(8082, ge=1, le=65535, description="port of the API")
    jwks_dir: Path = Field(description="folder of <issuer>.jwks.json: who may call")
    audience: str = Field("tppo-referral", description="audience that tokens must name")
    intake_url: str = Field("http://127.0.0.1:8080", description="intake, for reveals")
    key_file: Path = Field(description="private key that signs calls to intake, a JWK")
    control_key: SecretStr = Field(description="secret that draws the control sample, 16 bytes or more", min_length=16)
