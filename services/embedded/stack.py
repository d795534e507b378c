"""The whole system on one machine: broker, store, mail catcher and the services as child processes, on free ports."""

import json
import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from kafka.errors import KafkaError
from pydantic import SecretStr

from services.embedded import broker, keys, store
from services.embedded.expiry import Expiry
from services.embedded.processes import Child, DidNotStart, free_port
from services.runtime import topics
from services.runtime.settings import KafkaSettings, StoreSettings

SERVICES = ("intake", "risk", "referral", "notify", "ledger")
READY_WITHIN_S = 120
TOPICS = Path(__file__).parents[2] / "deploy" / "topics.yaml"


@dataclass
class Addresses:
    """Where everything is; written to `stack.json` in the data folder for the other commands."""

    data: str
    broker: str
    store: str
    mail_smtp: int
    mail_page: str
    intake: str
    referral: str
    notify: str
    admin: dict[str, str]

    @classmethod
    def read(cls, folder: Path) -> "Addresses":
        return cls(**json.loads((folder / "stack.json").read_text()))


@dataclass
class Stack:
    """Starts and ends the parts; keeps nothing else."""

    folder: Path
    agencies: list[str]
    external_broker: str | None = None
    services: tuple[str, ...] = SERVICES
    passwords: Mapping[str, str] = field(
        default_factory=dict
    )  # of users of an external broker; `admin` makes the topics
    children: dict[str, Child] = field(default_factory=dict)
    _ports: dict[str, int] = field(default_factory=dict)
    _expiry: Expiry | None = None

    def port(self, name: str) -> int:
        """Set by `TPPO_PORT_<NAME>`, else any free one; the same for a restart."""
        if name not in self._ports:
            self._ports[name] = int(os.environ.get(f"TPPO_PORT_{name.upper()}", 0)) or free_port()
        return self._ports[name]

    @property
    def bootstrap(self) -> str:
        return self.external_broker or f"127.0.0.1:{self.port('broker')}"

    def kafka(self, user: str) -> KafkaSettings:
        """How one user gets to the broker."""
        if user not in self.passwords:
            return KafkaSettings(bootstrap=self.bootstrap)
        password = SecretStr(self.passwords[user])
        return KafkaSettings(bootstrap=self.bootstrap, security="SASL_PLAINTEXT", username=user, password=password)

    @property
    def store_settings(self) -> StoreSettings:
        return StoreSettings(uri=SecretStr(self.addresses.store), ttl=False)

    @property
    def addresses(self) -> Addresses:
        return Addresses(
            data=str(self.folder),
            broker=self.bootstrap,
            store=f"mongodb://127.0.0.1:{self.port('store')}/?retryWrites=false",
            mail_smtp=self.port("smtp"),
            mail_page=f"http://127.0.0.1:{self.port('mail')}",
            intake=f"http://127.0.0.1:{self.port('intake')}",
            referral=f"http://127.0.0.1:{self.port('referral')}",
            notify=f"http://127.0.0.1:{self.port('notify')}",
            admin={s: f"http://127.0.0.1:{self.port(f'{s}_admin')}" for s in SERVICES},
        )

    def start(self) -> None:
        """Everything up and ready; DidNotStart names what is not and its log."""
        self.folder.mkdir(parents=True, exist_ok=True)
        keys.ensure(self.folder / "keys")
        logs = self.folder / "logs"
        if self.external_broker is None:
            self.children["broker"] = broker.start(self.port("broker"), logs)
        self.children["store"] = store.start(self.port("store"), self.folder / "store", logs)
        catcher = [sys.executable, "-m", "services.embedded.mailcatcher"]
        catcher += ["--smtp-port", str(self.port("smtp")), "--http-port", str(self.port("mail"))]
        self.children["mail"] = Child.start("mail", catcher, logs, port=self.port("mail"))
        for child in list(self.children.values()):
            child.wait_for_port()
        self._expiry = Expiry(self.addresses.store)
        self._expiry.start()
        self._make_topics()
        for service in self.services:
            self.start_service(service)
        self.wait_ready(self.services)
        (self.folder / "stack.json").write_text(json.dumps(asdict(self.addresses), indent=2))

    def start_service(self, service: str, name: str | None = None, *, module: str = "", **env: str) -> Child:
        """One service; a second instance of it under another `name` gets ports of its own, `module` starts something in its place."""
        name = name or service
        command = [sys.executable, "-m", *(module or f"services.{service}.app").split()]
        child = Child.start(name, command, self.folder / "logs", env=self._env(service, name) | env)
        self.children[name] = child
        return child

    def wait_ready(self, names: tuple[str, ...], seconds: float = READY_WITHIN_S) -> None:
        deadline = time.monotonic() + seconds
        for name in names:
            while not _ready(self.port(f"{name}_admin")):
                self.children[name].must_live()
                if time.monotonic() > deadline:
                    raise DidNotStart(f"{name} is not ready after {seconds:.0f} s; see {self.children[name].log}")
                time.sleep(0.05)

    def stop(self) -> None:
        """Services first, all at once, then what they need."""
        if self._expiry is not None:
            self._expiry.stop()
        parts = ("broker", "store", "mail")
        services = [child for name, child in self.children.items() if name not in parts]
        for child in services:
            child.terminate()
        for child in services:
            child.stop()
        for name in parts:
            if name in self.children:
                self.children[name].stop()

    def _make_topics(self) -> None:
        table = topics.read_table(TOPICS, self.agencies)
        deadline = time.monotonic() + 20
        while True:
            try:
                topics.apply(self.kafka("admin"), table)
                return
            except KafkaError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _env(self, service: str, name: str) -> dict[str, str]:
        where, prefix, key = self.addresses, f"TPPO_{service.upper()}_", self.folder / "keys"
        env = {
            "TPPO_KAFKA_BOOTSTRAP": where.broker,
            "TPPO_KAFKA_ASYNCIO_IDEMPOTENCE": str(self.external_broker is not None).lower(),
            "TPPO_STORE_URI": where.store,
            "TPPO_STORE_TTL": "false",
            f"{prefix}ADMIN_PORT": str(self.port(f"{name}_admin")),
            "PYTHONUNBUFFERED": "1",
        }
        if service in self.passwords:
            login = {"SECURITY": "SASL_PLAINTEXT", "USERNAME": service, "PASSWORD": self.passwords[service]}
            env |= {f"TPPO_KAFKA_{name}": value for name, value in login.items()}
        if service in ("intake", "referral", "notify"):
            env |= {f"{prefix}PORT": str(self.port(name)), f"{prefix}JWKS_DIR": str(key / "public")}
        if service in ("risk", "referral", "notify"):
            env |= {f"{prefix}INTAKE_URL": where.intake, f"{prefix}KEY_FILE": str(key / f"{service}.key.json")}
        match service:
            case "intake":
                env |= {
                    f"{prefix}MASTER_KEY_FILE": str(key / "master_key"),
                    f"{prefix}TOKEN_KEY_FILE": str(key / "token_key"),
                    f"{prefix}TRUNCATE_RAW": str(self.external_broker is not None).lower(),
                }
            case "risk":
                env |= {f"{prefix}PACKS": str(self.folder / "packs")}
            case "referral":
                env |= {f"{prefix}CONTROL_KEY_FILE": str(key / "control_key")}
            case "notify":
                env |= {
                    f"{prefix}SMTP_PORT": str(where.mail_smtp),
                    f"{prefix}SMTP_STARTTLS": "false",
                    f"{prefix}DESK_URL": where.referral + "/docs",
                    f"{prefix}PUBLIC_URL": where.notify,
                    f"{prefix}CHAINS": str(Path(__file__).parent / "chains.yaml"),
                    f"{prefix}LINK_SECRET_FILE": str(key / "link_secret"),
                    f"{prefix}WEBHOOK_SECRET_FILE": str(key / "webhook_secret"),
                    f"{prefix}WEBHOOK_ALLOW": "127.0.0.0/8",
                }
            case "ledger":
                env |= {f"{prefix}AGENCIES": ",".join(self.agencies)}
        return env


def new_folder(root: Path) -> Path:
    """A fresh folder; `last` points to it. Older ones whose demo has ended are removed."""
    root.mkdir(parents=True, exist_ok=True)
    for old in root.glob("demo-*"):
        pid = old.name.rpartition("-")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and not _is_last(root, old):
            shutil.rmtree(old, ignore_errors=True)
    folder = root / f"demo-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
    folder.mkdir()
    link = root / f".last-{os.getpid()}"
    link.symlink_to(folder.name)
    link.replace(root / "last")
    return folder.resolve()


def _is_last(root: Path, folder: Path) -> bool:
    last = root / "last"
    return last.exists() and last.resolve() == folder.resolve()


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
