"""Bearer tokens: JWTs with issuer, audience, scope and expiry, checked against a set of public keys (design, section 4)."""

import json
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

ALGORITHM = "ES256"
LIFETIME_S = 300
LEEWAY_S = 30
LOOK_EVERY_S = 1.0  # how soon a changed key file counts
REMEMBERED_TOKENS = 1000
FOLLOW_EVERY_S, RETRY_S = 300.0, 5.0


class Unauthorised(Exception):
    """No token, or one that does not hold; the text says which check failed."""


class Forbidden(Exception):
    """A good token without the scope that is asked."""


@dataclass(frozen=True)
class Caller:
    """Who calls."""

    subject: str
    issuer: str
    scopes: frozenset[str]
    claims: dict[str, Any]

    def require(self, scope: str) -> None:
        if scope not in self.scopes:
            raise Forbidden(f"the token lacks the scope {scope}")


class Signer:
    """Signs short-lived tokens with a service's own key."""

    def __init__(self, key: ECKey, issuer: str) -> None:
        self._key, self._issuer = key, issuer

    @classmethod
    def from_file(cls, path: Path, issuer: str) -> "Signer":
        return cls(ECKey.import_key(json.loads(path.read_text())), issuer)

    def token(
        self, subject: str, audience: str, scopes: Iterable[str], *, lifetime_s: int = LIFETIME_S, **claims: Any
    ) -> str:
        now = int(time.time())
        body = {
            "iss": self._issuer, "sub": subject, "aud": audience, "iat": now, "exp": now + lifetime_s,
            "scope": " ".join(sorted(scopes)), **claims,
        }  # fmt: skip
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, body, self._key)


class Verifier:
    """Checks tokens against every `*.jwks.json` of a folder; a changed folder is read again, so keys rotate live.

    A key file is named after its issuer, and only that issuer's tokens may be signed with it.
    """

    def __init__(self, folder: Path, audience: str) -> None:
        self._folder, self._audience = folder, audience
        self._keys: dict[str, KeySet] = {}
        self._seen: tuple[tuple[str, int], ...] = ()
        self._followed: dict[str, KeySet] = {}
        self._looked = float("-inf")
        self._verified: dict[str, Caller] = {}

    def verify(self, header: str | None) -> Caller:
        """The caller named by an Authorization header; Unauthorised says why not."""
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthorised("an Authorization header with a bearer token is needed")
        self._read()
        known = self._verified.get(token)
        if known is not None and time.time() < float(known.claims["exp"]):
            return known
        caller = self._checked(token)
        if len(self._verified) >= REMEMBERED_TOKENS:
            self._verified.clear()
        self._verified[token] = caller
        return caller

    def _checked(self, token: str) -> Caller:
        for issuer, keys in {**self._keys, **self._followed}.items():
            try:
                claims = jwt.decode(token, keys, algorithms=[ALGORITHM]).claims
            except (JoseError, ValueError, KeyError, TypeError):
                continue
            self._check(claims, issuer)
            return Caller(str(claims.get("sub")), issuer, frozenset(str(claims.get("scope", "")).split()), claims)
        raise Unauthorised("the signature is by no known issuer")

    def _check(self, claims: dict[str, Any], issuer: str) -> None:
        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
        )
        try:
            registry.validate(claims)
        except JoseError as error:
            raise Unauthorised(f"the token does not hold: {error.error}") from None

    def use(self, issuer: str, keys: KeySet) -> None:
        """Keys of an issuer that came by another way than the folder; they take the place of earlier ones."""
        self._followed[issuer] = keys
        self._verified.clear()

    def _read(self) -> None:
        if time.monotonic() - self._looked < LOOK_EVERY_S:
            return
        self._looked = time.monotonic()
        files = sorted(self._folder.glob("*.jwks.json"))
        seen = tuple((f.name, f.stat().st_mtime_ns) for f in files)
        if seen != self._seen:
            self._keys = {
                f.name.removesuffix(".jwks.json"): KeySet.import_key_set(json.loads(f.read_text())) for f in files
            }
            self._seen = seen
            self._verified.clear()  # a key may have been taken away


def make_key(private: Path, public_folder: Path, issuer: str) -> None:
    """A key pair for one issuer, made once: the private half readable by its owner only."""
    if private.exists():
        return
    key = ECKey.generate_key("P-256", parameters={"use": "sig"}, auto_kid=True)
    private.parent.mkdir(parents=True, exist_ok=True)
    public_folder.mkdir(parents=True, exist_ok=True)
    private.touch(mode=0o600)
    private.write_text(json.dumps(key.as_dict(private=True)))
    (public_folder / f"{issuer}.jwks.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))


class Follower(threading.Thread):
    """Reads the keys of OIDC issuers from their JWKS addresses, again and again, so that they may rotate.

    A thread, since a door must not wait for somebody else's server. While an address cannot be read, the keys read last hold.
    """

    def __init__(self, verifier: Verifier, addresses: Mapping[str, str], every_s: float = FOLLOW_EVERY_S) -> None:
        super().__init__(name="jwks", daemon=True)
        self._verifier, self._addresses, self._every_s = verifier, addresses, every_s
        self._last: dict[str, bytes] = {}
        self.failed: dict[str, str] = {}

    def run(self) -> None:
        while True:
            self.look()
            time.sleep(RETRY_S if self.failed else self._every_s)

    def look(self) -> None:
        """Read every address once."""
        for issuer, address in self._addresses.items():
            try:
                answer = httpx.get(address, timeout=10, follow_redirects=False)
                answer.raise_for_status()
                if answer.content != self._last.get(issuer):
                    self._verifier.use(issuer, KeySet.import_key_set(answer.json()))
                    self._last[issuer] = answer.content
                self.failed.pop(issuer, None)
            except (httpx.HTTPError, ValueError, JoseError) as error:
                self.failed[issuer] = type(error).__name__
