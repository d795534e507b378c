"""Where the services are and who we are: from the environment, else from the data folder of the last demo."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import typer

from services.embedded.keys import ISSUER
from services.embedded.stack import SERVICES, Addresses
from services.runtime.identity import Signer
from services.runtime.settings import KafkaSettings, StoreSettings

ROOT = Path(".data")


@dataclass(frozen=True)
class Connection:
    """Addresses and, in the embedded mode, the key that signs tokens."""

    where: Addresses
    keys: Path | None

    def token(self, audience: str, scopes: list[str], subject: str = "cli", **claims: Any) -> str:
        given = os.environ.get("TPPO_TOKEN")
        if given:
            return given
        if self.keys is None:
            raise typer.BadParameter("set TPPO_TOKEN: only the embedded mode can make tokens itself")
        return Signer.from_file(self.keys / f"{ISSUER}.key.json", ISSUER).token(subject, audience, scopes, **claims)

    def client(self, service: str, scopes: list[str], subject: str = "cli", **claims: Any) -> httpx.Client:
        """An HTTP client that is signed in at a service."""
        headers = {"Authorization": f"Bearer {self.token(f'tppo-{service}', scopes, subject, **claims)}"}
        return httpx.Client(base_url=getattr(self.where, service), headers=headers, timeout=30)

    @property
    def kafka(self) -> KafkaSettings:
        return KafkaSettings(bootstrap=self.where.broker) if self.keys else KafkaSettings.load()


def connect() -> Connection:
    """TPPO_DATA names a data folder; without it, the last demo's. Elsewhere TPPO_URL_<SERVICE> and TPPO_ADMIN_<SERVICE>."""
    folder = Path(os.environ.get("TPPO_DATA", ROOT / "last"))
    if (folder / "stack.json").exists():
        return Connection(Addresses.read(folder), folder / "keys")
    url = {s: os.environ.get(f"TPPO_URL_{s.upper()}", "") for s in ("intake", "referral", "notify", "ledger")}
    if not url["intake"]:
        raise typer.BadParameter(f"no running demo in {folder}; start `make demo`, or set TPPO_URL_INTAKE and the like")
    where = Addresses(
        data=str(folder), broker=KafkaSettings.load().bootstrap, store="", mail_smtp=0, mail_page="",
        intake=url["intake"], referral=url["referral"], notify=url["notify"],
        admin={"ledger": url["ledger"]} | {s: a for s in SERVICES if (a := os.environ.get(f"TPPO_ADMIN_{s.upper()}"))},
    )  # fmt: skip
    return Connection(where, None)


def kafka() -> KafkaSettings:
    """The broker of TPPO_KAFKA_BOOTSTRAP when it is set, else the demo's."""
    return KafkaSettings.load() if "TPPO_KAFKA_BOOTSTRAP" in os.environ else connect().kafka


def store() -> str:
    """The document store of TPPO_STORE_URI when it is set, else the demo's."""
    return StoreSettings.load().uri.get_secret_value() if "TPPO_STORE_URI" in os.environ else connect().where.store


def webhook_secret() -> str:
    """As notify has it: TPPO_NOTIFY_WEBHOOK_SECRET or its file, else the demo's."""
    path = os.environ.get("TPPO_NOTIFY_WEBHOOK_SECRET_FILE")
    given = Path(path).read_text().strip() if path else os.environ.get("TPPO_NOTIFY_WEBHOOK_SECRET")
    if given:
        return given
    keys = connect().keys
    if keys is None:
        raise typer.BadParameter("set TPPO_NOTIFY_WEBHOOK_SECRET or TPPO_NOTIFY_WEBHOOK_SECRET_FILE, as notify has it")
    return (keys / "webhook_secret").read_text().strip()


def must(answer: httpx.Response) -> Any:
    """The JSON of a good answer; else the problem as a person would want to read it."""
    if answer.is_success:
        return answer.json()
    try:
        problem = answer.json()
        text = problem.get("detail") or problem
        faults = "; ".join(f"{f['path']}: {f['reason']}" for f in problem.get("faults", ()))
        text = f"{text}: {faults}" if faults else text
    except ValueError:
        text = answer.text[:500]
    typer.secho(f"{answer.request.url.path} answered {answer.status_code}: {text}", fg="red", err=True)
    raise typer.Exit(1)
