"""Keys of the embedded mode: made on first start, in the data folder, never committed."""

import base64
import os
from pathlib import Path

from services.runtime.identity import make_key

ISSUER = "tppo-embedded"
SERVICES = ("intake", "risk", "referral", "notify", "ledger")


def ensure(folder: Path) -> None:
    """One signing key per service and one for `tppo token`; the vault's two secrets, notify's two, and referral's."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for issuer in (ISSUER, *SERVICES):
        make_key(folder / f"{issuer}.key.json", folder / "public", issuer)
    for name in ("master_key", "token_key", "link_secret", "webhook_secret", "control_key"):
        path = folder / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(base64.b64encode(os.urandom(32)).decode())


def add_version(path: Path) -> int:
    """One more version of a secret, below the older ones; returns its number. The file is replaced in one step."""
    versions = [*path.read_text().split(), base64.b64encode(os.urandom(32)).decode()]
    _replace(path, versions)
    return len(versions)


def drop_older(path: Path) -> int:
    """Only the newest version stays; returns how many went."""
    versions = path.read_text().split()
    _replace(path, versions[-1:])
    return len(versions) - 1


def _replace(path: Path, versions: list[str]) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.touch(mode=0o600)
    beside.write_text("\n".join(versions) + "\n")
    beside.replace(path)
