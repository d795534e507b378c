"""Who may call: keys in a folder, keys at an address, rotation without a restart."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from services.runtime import identity
from services.runtime.identity import Follower, Signer, Unauthorised, Verifier

ISSUER = "https://issuer.example"


def new_key() -> ECKey:
    return ECKey.generate_key("P-256", parameters={"use": "sig"}, auto_kid=True)


class Published(HTTPServer):
    """An address that publishes keys; `keys` None answers 500."""

    keys: list[ECKey] | None = None


@pytest.fixture
def address() -> Iterator[Published]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert isinstance(self.server, Published)
            keys = self.server.keys
            self.send_response(500 if keys is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps({"keys": [k.as_dict(private=False) for k in keys or []]}).encode())

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = Published(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def follow(folder: Path, address: Published) -> tuple[Verifier, Follower]:
    verifier = Verifier(folder, "tppo-intake")
    return verifier, Follower(verifier, {ISSUER: f"http://127.0.0.1:{address.server_port}/jwks"})


def bearer(key: ECKey, issuer: str = ISSUER) -> str:
    return f"Bearer {Signer(key, issuer).token('simkim', 'tppo-intake', ['events:write'])}"


def test_keys_at_an_address_rotate_without_a_restart(tmp_path: Path, address: Published) -> None:
    old, new = new_key(), new_key()
    verifier, follower = follow(tmp_path, address)
    address.keys = [old]
    follower.look()
    assert verifier.verify(bearer(old)).issuer == ISSUER
    address.keys = [old, new]
    follower.look()
    assert verifier.verify(bearer(new)).subject == "simkim"
    address.keys = [new]
    follower.look()
    with pytest.raises(Unauthorised):
        verifier.verify(bearer(old))


def test_while_the_address_is_away_the_last_keys_hold(tmp_path: Path, address: Published) -> None:
    key = new_key()
    verifier, follower = follow(tmp_path, address)
    address.keys = [key]
    follower.look()
    address.keys = None
    follower.look()
    assert follower.failed == {ISSUER: "HTTPStatusError"}
    assert verifier.verify(bearer(key)).issuer == ISSUER


def test_a_key_of_one_issuer_signs_for_no_other(tmp_path: Path, address: Published) -> None:
    key = new_key()
    verifier, follower = follow(tmp_path, address)
    address.keys = [key]
    follower.look()
    with pytest.raises(Unauthorised, match="does not hold"):
        verifier.verify(bearer(key, "https://somebody.example"))


def test_a_key_taken_from_the_folder_counts_no_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "LOOK_EVERY_S", 0.0)
    identity.make_key(tmp_path / "private.json", tmp_path, "office")
    token = (
        f"Bearer {Signer.from_file(tmp_path / 'private.json', 'office').token('x', 'tppo-intake', ['events:write'])}"
    )
    verifier = Verifier(tmp_path, "tppo-intake")
    assert verifier.verify(token).issuer == "office"
    assert verifier.verify(token).issuer == "office"
    (tmp_path / "office.jwks.json").unlink()
    with pytest.raises(Unauthorised):
        verifier.verify(token)
