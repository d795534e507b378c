"""Settings, logs, identity, fault points and conditions."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog
from joserfc import jwt
from joserfc.jwk import OctKey
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from services.runtime import conditions, logs
from services.runtime.identity import Forbidden, Signer, Unauthorised, Verifier, make_key
from services.runtime.settings import Settings, SettingsError


class Sample(Settings):
    model_config = SettingsConfigDict(env_prefix="TPPO_SAMPLE_", frozen=True, extra="forbid")

    port: int = Field(1, ge=1)
    secret: SecretStr


def test_a_secret_comes_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "s").write_text("geheim\n")
    monkeypatch.setenv("TPPO_SAMPLE_SECRET_FILE", str(tmp_path / "s"))
    settings = Sample.load()
    assert settings.secret.get_secret_value() == "geheim"
    assert "geheim" not in repr(settings)


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"TPPO_SAMPLE_PORT": "0", "TPPO_SAMPLE_SECRET": "x"}, "TPPO_SAMPLE_PORT"),
        ({"TPPO_SAMPLE_PORT": "1"}, "TPPO_SAMPLE_SECRET"),
        ({"TPPO_SAMPLE_SECRET": "x", "TPPO_SAMPLE_PROT": "1"}, "TPPO_SAMPLE_PROT"),
        ({"TPPO_SAMPLE_SECRET_FILE": "/does/not/exist"}, "TPPO_SAMPLE_SECRET_FILE"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, env: dict[str, str], words: str) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=words):
        Sample.load()


@pytest.mark.parametrize(
    "value", ["3301044507909001", "081234567890", "+6281234567890", "siti@contoh.example", "X9000001"]
)
def test_a_log_line_holds_nothing_that_looks_personal(value: str) -> None:
    line = logs.redact(None, "", {"event": f"got {value} here", "more": {"deep": [value]}, "event_id": "kept"})
    assert value not in json.dumps(line)
    assert line["event_id"] == "kept"


def test_a_uuid_is_no_personal_value() -> None:
    uuid = "2d0ec00e-3bca-52df-9bba-70aaf870c3b2"
    assert logs.redact(None, "", {"event": uuid})["event"] == uuid


def test_libraries_log_through_the_same_redaction(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:]
    try:
        logs.set_up("test")
        logging.getLogger("library").warning("value %s", "3301044507909001")
    finally:
        root.handlers[:] = before
        structlog.reset_defaults()
    err = capsys.readouterr().err
    assert "3301044507909001" not in err
    assert json.loads(err.splitlines()[-1])["logger"] == "library"


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Signer, Verifier, Path]:
    make_key(tmp_path / "a.key.json", tmp_path / "public", "issuer-a")
    return Signer.from_file(tmp_path / "a.key.json", "issuer-a"), Verifier(tmp_path / "public", "tppo-intake"), tmp_path


def test_a_good_token_names_its_caller(keys: tuple[Signer, Verifier, Path]) -> None:
    signer, verifier, _ = keys
    who = verifier.verify(f"Bearer {signer.token('upstream', 'tppo-intake', ['events:write'])}")
    assert (who.subject, who.issuer) == ("upstream", "issuer-a")
    who.require("events:write")
    with pytest.raises(Forbidden, match="vault:reveal"):
        who.require("vault:reveal")


def _bad_tokens(signer: Signer, folder: Path) -> dict[str, str]:
    good = signer.token("x", "tppo-intake", ["events:write"])
    header, _, rest = good.partition(".")
    other = folder / "other"
    make_key(other / "b.key.json", other / "public", "issuer-b")
    public = json.loads((folder / "public" / "issuer-a.jwks.json").read_text())["keys"][0]
    return {
        "none at all": "",
        "not bearer": f"Basic {good}",
        "garbage": "Bearer abc",
        "expired": f"Bearer {signer.token('x', 'tppo-intake', [], lifetime_s=-100)}",
        "wrong audience": f"Bearer {signer.token('x', 'tppo-referral', [])}",
        "unknown key": f"Bearer {Signer.from_file(other / 'b.key.json', 'issuer-a').token('x', 'tppo-intake', [])}",
        "wrong issuer": f"Bearer {Signer.from_file(folder / 'a.key.json', 'issuer-z').token('x', 'tppo-intake', [])}",
        "alg none": "Bearer eyJhbGciOiJub25lIn0." + rest.partition(".")[0] + ".",
        "tampered": f"Bearer {header}.{rest[:10]}{'A' if rest[10] != 'A' else 'B'}{rest[11:]}",
        # the public key used as a shared secret
        "swapped algorithm": "Bearer " + jwt.encode({"alg": "HS256"}, {"iss": "issuer-a", "aud": "tppo-intake", "exp": 9e9}, OctKey.import_key(json.dumps(public).ljust(64))),
    }  # fmt: skip


@pytest.mark.parametrize(
    "kind",
    [
        "none at all",
        "not bearer",
        "garbage",
        "expired",
        "wrong audience",
        "unknown key",
        "wrong issuer",
        "alg none",
        "tampered",
        "swapped algorithm",
    ],
)
def test_a_bad_token_is_refused(keys: tuple[Signer, Verifier, Path], kind: str) -> None:
    signer, verifier, folder = keys
    with pytest.raises(Unauthorised):
        verifier.verify(_bad_tokens(signer, folder)[kind])


def test_a_new_key_is_known_without_a_restart(keys: tuple[Signer, Verifier, Path]) -> None:
    _, verifier, folder = keys
    make_key(folder / "c.key.json", folder / "public", "issuer-c")
    token = Signer.from_file(folder / "c.key.json", "issuer-c").token("x", "tppo-intake", [])
    assert verifier.verify(f"Bearer {token}").issuer == "issuer-c"


def test_a_private_key_is_readable_by_its_owner_only(keys: tuple[Signer, Verifier, Path]) -> None:
    _, _, folder = keys
    assert (folder / "a.key.json").stat().st_mode & 0o077 == 0
    assert "d" not in json.loads((folder / "public" / "issuer-a.jwks.json").read_text())["keys"][0]


def _passes(fault: str, times: int) -> int:
    code = f"from services.runtime import faults\nfor _ in range({times}): faults.point('here')"
    return subprocess.run([sys.executable, "-c", code], env={"TPPO_FAULT": fault, "PATH": ""}, check=False).returncode


def test_a_fault_point_ends_the_process_at_its_count_and_only_there() -> None:
    assert _passes("here:3", 3) == -9
    assert _passes("here:3", 2) == 0
    assert _passes("there", 5) == 0


@pytest.mark.parametrize(
    ("source", "facts", "wanted"),
    [
        ("a.x == 1", {"a": {"x": 1}}, "yes"),
        ("a.x == 1", {"a": {"x": 2}}, "no"),
        ("a.x == 1", {"a": {}}, "unknown"),
        ("a.x || a.y", {"a": {"y": True}}, "yes"),
        ("a.x && a.y", {"a": {"y": False}}, "no"),
        ("a.x || a.y", {"a": {"y": False}}, "unknown"),
        ("a.x > 3", {"a": {"x": "text"}}, "unknown"),
        ("a.x", {"a": {"x": "text"}}, "unknown"),
        ("size(a.x) > 0", {"a": {"x": []}}, "no"),
    ],
)
def test_conditions_answer_yes_no_or_unknown(source: str, facts: dict[str, Any], wanted: str) -> None:
    assert conditions.answer(conditions.compiled(source), conditions.context(facts)) == wanted


def test_a_workbench_gives_what_a_fresh_context_gives() -> None:
    bench, program = conditions.Workbench(), conditions.compiled("a.x == 1 && b.y == 2")
    for facts in (
        {"a": {"x": 1}, "b": {"y": 2}},
        {"a": {"x": 1}, "b": {}},
        {"a": {}, "b": {"y": 2}},
        {"a": {"x": 1}, "b": {"y": 2}},
    ):
        assert conditions.answer(program, bench.lay_out(facts)) == conditions.answer(program, conditions.context(facts))
