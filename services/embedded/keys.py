"""Keys of the embedded mode: made on first start, in the data folder, never committed."""

import base64
import os
from pathlib import Path

from services.runtime.identity import make_key

ISSUER = "tppo-embedded"
SERVICES = ("intake", "risk", "referral", "notify", "ledger")


def ensure(folder: Path) -> None:
    """One signing key per service and one for `tppo token`; the vault's two secrets."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for issuer in (ISSUER, *SERVICES):
        make_key(folder / f"{issuer}.key.json", folder / "public", issuer)
    for name in ("master_key", "token_key"):
        path = folder / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(base64.b64encode(os.urandom(32)).decode())
