"""Settings of intake; environment prefix TPPO_INTAKE_."""

import base64
from functools import cached_property
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from services.runtime.settings import ServiceSettings


class IntakeSettings(ServiceSettings):
    """What intake needs. The two keys come from `_FILE` twins: base64 of 32 random bytes, one version a line, oldest first.

    The files are read again while intake runs, so that keys rotate without a restart.
    """

    model_config = SettingsConfigDict(env_prefix="TPPO_INTAKE_", frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="address of the API")
    port: int = Field(8080, ge=1, le=65535, description="port of the API")
    master_key: SecretStr = Field(description="wraps the data keys")
    token_key: SecretStr = Field(description="roots of the token keys")
    jwks_dir: Path = Field(description="folder of <issuer>.jwks.json: who may call")
    jwks_urls: dict[str, str] = Field(
        {}, description='JWKS address by issuer, JSON: {"https://issuer": "https://issuer/jwks"}'
    )
    audience: str = Field("tppo-intake", description="audience that tokens must name")
    rate_per_client: float = Field(5000, gt=0, description="events a second one client may send over HTTP")
    burst_per_client: float = Field(50_000, gt=0, description="events one client may send at once")
    body_timeout_s: float = Field(30, gt=0, description="how long a body may take")
    tls_certificate: Path | None = Field(None, description="PEM; with it the API speaks TLS")
    tls_key: Path | None = Field(None, description="PEM")
    reveal_alarm: int = Field(40, ge=1, description="applications one actor may look at in an hour before ops are told")
    truncate_raw: bool = Field(
        True,
        description="after an erasure delete what was taken from passport-raw; off for the embedded broker, which cannot",
    )
    resend_after_s: float = Field(20, gt=0, description="an owed event older than this is sent again")

    @cached_property
    def master_keys(self) -> list[bytes]:
        return _lines(self.master_key)

    @cached_property
    def token_keys(self) -> list[bytes]:
        return _lines(self.token_key)


def _lines(keys: SecretStr) -> list[bytes]:
    return [base64.b64decode(line) for line in keys.get_secret_value().split()]
