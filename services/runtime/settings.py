"""Settings from the environment: frozen, one class per service, secrets with a `_FILE` twin, unknown names refused."""

import os
import ssl
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict


class SettingsError(Exception):
    """A setting is missing, wrong or unknown; the text names the variable."""


class _FileTwins(PydanticBaseSettingsSource):
    """`NAME_FILE` names a file whose content is the value of `NAME`."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        variable = f"{self.config.get('env_prefix', '')}{field_name}_FILE".upper()
        path = os.environ.get(variable)
        if path is None:
            return None, field_name, False
        try:
            return Path(path).read_text().strip(), field_name, False
        except OSError as error:
            raise SettingsError(f"{variable}: cannot read {path}: {error.strerror}") from error

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """Base of all settings."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _FileTwins(settings_cls), env_settings

    @classmethod
    def load(cls) -> Self:
        """Settings from the environment; SettingsError names every variable that is wrong."""
        prefix = str(cls.model_config.get("env_prefix", ""))
        known = {f"{prefix}{name}".upper() for name in cls.model_fields}
        known |= {f"{name}_FILE" for name in known}
        strangers = sorted(v for v in os.environ if v.startswith(prefix.upper()) and v not in known)
        if strangers:
            raise SettingsError(f"unknown settings: {', '.join(strangers)}; known: {', '.join(sorted(known))}")
        try:
            return cls()
        except ValidationError as error:
            wrong = "; ".join(
                f"{prefix}{'.'.join(map(str, e['loc']))}".upper() + f": {e['msg']}" for e in error.errors()
            )
            raise SettingsError(wrong) from None


SASL_MECHANISM = "SCRAM-SHA-512"


class KafkaSettings(Settings):
    """Where the broker is. Without credentials: plain text, for the embedded mode and tests."""

    model_config = SettingsConfigDict(env_prefix="TPPO_KAFKA_", frozen=True, extra="forbid")

    bootstrap: str = Field("127.0.0.1:9092", description="host:port, several with commas")
    security: str = Field("PLAINTEXT", pattern="^(PLAINTEXT|SASL_PLAINTEXT|SSL|SASL_SSL)$")
    username: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = Field(None, description="CA of the broker, PEM")
    asyncio_idempotence: bool = Field(
        True, description="off for the embedded broker only: it does not take the InitProducerId of aiokafka (measured)"
    )

    def asyncio_consumer(self) -> dict[str, Any]:
        """Arguments of aiokafka, which takes its TLS context apart."""
        context = ssl.create_default_context(cafile=str(self.ca_file)) if self.ca_file else None
        return self.client() | ({"ssl_context": context} if context else {})

    def asyncio_producer(self) -> dict[str, Any]:
        """As above, for a producer. Without idempotence one batch a partition is in flight, so order holds as well."""
        idempotence = {"enable_idempotence": self.asyncio_idempotence}
        return (
            self.asyncio_consumer()
            | {"acks": "all", "linger_ms": 2, "request_timeout_ms": 10_000, "max_batch_size": ASYNCIO_BATCH_BYTES}
            | idempotence
        )

    def client(self) -> dict[str, Any]:
        """Arguments that kafka-python and aiokafka share; aiokafka takes its TLS context separately."""
        found: dict[str, Any] = {"bootstrap_servers": self.bootstrap.split(","), "security_protocol": self.security}
        if self.username and self.password:
            found |= {
                "sasl_mechanism": SASL_MECHANISM,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password.get_secret_value(),
            }
        return found


# The default of 16 kB holds two or three assessments: a round then costs the broker a hundred requests (measured).
ASYNCIO_BATCH_BYTES = 500_000


class StoreSettings(Settings):
    """Where the document store is; each service has its own database in it and never reads another's."""

    model_config = SettingsConfigDict(env_prefix="TPPO_STORE_", frozen=True, extra="forbid")

    uri: SecretStr = Field(SecretStr("mongodb://127.0.0.1:27017"), description="MongoDB connection string")
    database_prefix: str = Field("tppo_", pattern=r"^[a-z0-9_]{0,32}$", description="before the service's name")
    timeout_ms: int = Field(5000, ge=100, description="how long a call may wait for the store")
    ttl: bool = Field(
        True, description="the store heeds TTL indexes; false for the embedded one, where the stack deletes"
    )


class ServiceSettings(Settings):
    """What every service has."""

    admin_host: str = Field("127.0.0.1", description="address of /metrics, /live and /ready")
    admin_port: int = Field(0, ge=0, le=65535, description="0 = any free port")
    kafka: KafkaSettings = Field(default_factory=KafkaSettings.load, exclude=True)
    store: StoreSettings = Field(default_factory=StoreSettings.load, exclude=True)
