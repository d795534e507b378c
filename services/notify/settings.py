"""Settings of notify; environment prefix TPPO_NOTIFY_."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from services.runtime.settings import ServiceSettings

HERE = Path(__file__).parent


class NotifySettings(ServiceSettings):
    """What notify needs. A channel without its settings is left out."""

    model_config = SettingsConfigDict(env_prefix="TPPO_NOTIFY_", frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="address of the API")
    port: int = Field(8083, ge=1, le=65535, description="port of the API")
    jwks_dir: Path = Field(description="folder of <issuer>.jwks.json: who may call")
    audience: str = Field("tppo-notify", description="audience that tokens must name")
    intake_url: str = Field("http://127.0.0.1:8080", description="intake, for tokens of the roster")
    key_file: Path = Field(description="private key that signs calls to intake, a JWK")
    receivers: Path = Field(HERE / "receivers.yaml", description="who is told")
    chains: Path = Field(HERE / "chains.yaml", description="which alert goes along which chain")
    link_secret: SecretStr = Field(
        min_length=32, description="makes links and reply codes; a new one ends all that are out"
    )
    public_url: str = Field(
        "http://127.0.0.1:8083", description="where people reach this API from their telephones, for links"
    )
    desk_url: str = Field("http://127.0.0.1:8082", description="where a person reads the referral, behind a login")
    heartbeat_url: str | None = Field(None, description="a dead man's switch: called every minute while all is well")

    smtp_host: str = Field("127.0.0.1", description="mail server")
    smtp_port: int = Field(25, ge=1, le=65535)
    smtp_starttls: bool = Field(True, description="off only for a local catcher")
    smtp_ca_file: Path | None = Field(None, description="CA of the mail server, PEM; else the system's")
    smtp_user: str = ""
    smtp_password: SecretStr | None = None
    sender: str = Field("tppo@kanim-clp.example", description="sender of mails")

    webhook_secret: SecretStr | None = Field(
        None, min_length=32, description="each receiver gets a secret made from it"
    )
    webhook_allow: str = Field(
        "", description="private networks that webhooks may reach, e.g. 10.1.0.0/16, with commas"
    )
    telegram_token: SecretStr | None = None
    telegram_url: str = "https://api.telegram.org"
    whatsapp_token: SecretStr | None = None
    whatsapp_url: str = Field(
        "https://graph.facebook.com/v23.0/PHONE_ID/messages", description="with the id of our number"
    )
    whatsapp_template: str = "rujukan_menunggu"
    sms_url: str = Field("", description="SMS Gateway for Android, e.g. http://10.1.0.9:8080")
    sms_user: str = ""
    sms_password: SecretStr | None = None
    sms_reply_secret: SecretStr | None = Field(None, description="the gateway signs replies with it")
