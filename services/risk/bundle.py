"""A pack as one file: every rule with its examples, named by its content, valid for a while, signed by two people.

A maker signs what was made, a checker who is somebody else signs that it may judge people. Both sign the trial with it, and the reason
why its result does not matter, if they say so. Whatever does not hold is refused, and the rules in use go on.
"""

import json
from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.risk.fairness import Trial
from services.risk.indicator import IndicatorError
from services.risk.pack import Pack
from services.risk.policy import PolicyError

ALGORITHM = "Ed25519"  # RFC 9864
PARTS = ("indicators", "protective", "policy")
ROLES = ("maker", "checker")
Role = Literal["maker", "checker"]
MAX_BYTES = 5_000_000


class Refused(Exception):
    """A bundle that must not judge anybody; the text says why."""


class Bundle(BaseModel):
    """Files by name, with the days on which they may be activated, and the signatures over the digest of it all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    valid_from: date
    valid_to: date = Field(description="last day on which it may be activated")
    files: dict[str, str]
    trial: Trial | None = Field(None, description="what these rules would have done; `tppo pack trial`")
    override: str = Field(
        "", max_length=2000, description="why they may judge although the trial says no; both sign it"
    )
    signatures: list[str] = Field(default=[], description="compact JWS each: {bundle, role, who}")

    @property
    def digest(self) -> str:
        """SHA-256 over everything but the signatures."""
        return sha256(
            orjson.dumps(self.model_dump(mode="json", exclude={"signatures"}), option=orjson.OPT_SORT_KEYS)
        ).hexdigest()

    def encode(self) -> bytes:
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)

    @classmethod
    def decode(cls, raw: bytes) -> "Bundle":
        if len(raw) > MAX_BYTES:
            raise Refused(f"has more than {MAX_BYTES} bytes")
        try:
            return cls.model_validate(orjson.loads(raw))
        except orjson.JSONDecodeError as error:
            raise Refused(f"is not JSON: line {error.lineno} column {error.colno}") from None
        except ValidationError as error:
            first = error.errors()[0]
            raise Refused(f"{'.'.join(map(str, first['loc'])) or '(file)'}: {first['msg']}") from None

    def pack(self) -> Pack:
        """The rules; Refused names file, line and key of what does not hold."""
        with TemporaryDirectory() as folder:
            for part in PARTS:
                (Path(folder) / part).mkdir()
            for name, text in self.files.items():
                part, slash, file = name.partition("/")
                if part not in PARTS or not slash or "/" in file or not file.endswith(".yaml") or file.startswith("."):
                    raise Refused(f"files.{name[:80]}: a file is {' or '.join(PARTS)}/<name>.yaml")
                (Path(folder) / part / file).write_text(text)
            try:
                found = Pack.load(Path(folder))
            except (IndicatorError, PolicyError) as error:
                raise Refused(str(error)) from None
        if not found.indicators:
            raise Refused("holds no indicator")
        return found

    def signed(self, role: Role, who: str, key: OKPKey) -> "Bundle":
        """With one signature more."""
        payload = orjson.dumps({"bundle": self.digest, "role": role, "who": who}, option=orjson.OPT_SORT_KEYS)
        token = jws.serialize_compact({"alg": ALGORITHM, "kid": who}, payload, key, algorithms=[ALGORITHM])
        return self.model_copy(update={"signatures": [*self.signatures, token]})


def build(folder: Path, valid_from: date, valid_to: date) -> Bundle:
    """From a folder with rules; Refused when they do not hold."""
    files = {f"{part}/{f.name}": f.read_text() for part in PARTS for f in sorted((folder / part).glob("*.yaml"))}
    bundle = Bundle(valid_from=valid_from, valid_to=valid_to, files=files)
    bundle.pack()
    return bundle


def signers(folder: Path) -> dict[str, OKPKey]:
    """Public keys of who may sign, by name: `<who>.jwk.json` each."""
    return {
        f.name.removesuffix(".jwk.json"): OKPKey.import_key(json.loads(f.read_text()))
        for f in sorted(folder.glob("*.jwk.json"))
    }


def accepted(bundle: Bundle, known: Mapping[str, OKPKey], today: date) -> Pack:
    """The rules of a bundle that may judge people today; Refused says what is wrong."""
    if today < bundle.valid_from or today > bundle.valid_to:
        raise Refused(f"may be activated from {bundle.valid_from} to {bundle.valid_to}, today is {today}")
    by_role: dict[str, set[str]] = {role: set() for role in ROLES}
    for token in bundle.signatures:
        role, who = _verified(token, bundle.digest, known)
        by_role[role].add(who)
    for role in ROLES:
        if not by_role[role]:
            raise Refused(f"is not signed by a {role}")
    pairs = [(m, c) for m in by_role["maker"] for c in by_role["checker"] if m != c and _differ(known[m], known[c])]
    if not pairs:
        raise Refused(f"maker and checker are the same person: {', '.join(sorted(by_role['maker']))}")
    pack = bundle.pack()
    faults = list(bundle.trial.faults(pack.digest)) if bundle.trial else ["was never tried: tppo pack trial"]
    if faults and not bundle.override:
        raise Refused(f"{'; '.join(faults)}. Without an override that maker and checker sign it does not judge")
    return pack


def _verified(token: str, digest: str, known: Mapping[str, OKPKey]) -> tuple[str, str]:
    try:
        claimed = orjson.loads(jws.extract_compact(token.encode()).payload)
        who, role = str(claimed["who"]), str(claimed["role"])
    except (JoseError, ValueError, KeyError, TypeError):
        raise Refused("a signature cannot be read") from None
    if who not in known:
        raise Refused(f"is signed by {who[:64]}, who is not known here")
    try:
        jws.deserialize_compact(token.encode(), known[who], algorithms=[ALGORITHM])
    except (JoseError, ValueError):
        raise Refused(f"the signature of {who} does not hold") from None
    if claimed["bundle"] != digest:
        raise Refused(f"was changed after {who} signed it")
    if role not in ROLES:
        raise Refused(f"the signature of {who} has no known role")
    return role, who


def _differ(one: OKPKey, other: OKPKey) -> bool:
    return bool(one.as_dict(private=False)["x"] != other.as_dict(private=False)["x"])
