"""Settings of notify; environment prefix TPPO_NOTIFY_."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from services.runtime.settings import ServiceSettings


class NotifySettings(ServiceSettings):
    """What notify needs."""

    model_config = SettingsConfigDict(env_prefix="TPPO_NOTIFY_", frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="address of the API")
    port: int = Field(8083, ge=1, le=65535, description="port of the API")
    jwks_dir: Path = Field(description="folder of <issuer>.jwks.json: who may call")
    audience: str = Field("tppo-notify", description="audience that tokens must name")
    intake_url: str = Field("http://127.0.0.1:8080", description="intake, for newer tokens after a key rotation")
    key_file: Path = Field(description="private key that signs calls to intake, a JWK")
    receivers: Path = Field(Path(__file__).parent / "receivers.yaml", description="who is told")
    smtp_host: str = Field("127.0.0.1", description="mail server")
    smtp_port: int = Field(25, ge=1, le=65535)
    smtp_starttls: bool = Field(True, description="off only for a local catcher")
    sender: str = Field("tppo@kanim-clp.example", description="sender of mails")
    desk_url: str = Field("http://127.0.0.1:8082", description="where a person reads the referral, behind a login")
    webhook_secret: SecretStr | None = Field(None, description="signs webhooks")
