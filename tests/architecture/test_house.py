"""The structure that style.md promises, checked against the files themselves."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from services.contracts.topics import by_topic
from services.referral.tables import Tables
from services.runtime import topics

ROOT = Path(__file__).parents[2]
VERBS = ("intake/accept.py", "risk/assess.py", "referral/route.py", "notify/deliver.py", "ledger/match.py")
FILES = sorted((ROOT / "services").rglob("*.py"))


def test_imports_keep_the_layers() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run([str(program), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(ROOT / "services").as_posix())
def test_a_module_says_what_lives_there(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text())), "a module opens with a sentence"


@pytest.mark.parametrize(
    "file",
    [ROOT / "services" / v for v in VERBS],
    ids=lambda f: f.stem,
)
def test_a_verb_knows_no_clock_no_chance_and_no_environment(file: Path) -> None:
    text = file.read_text()
    for word in ("datetime.now", "time.time", "monotonic(", "random", "os.environ", "uuid4"):
        assert word not in text, word


def test_all_topics_of_the_contracts_stand_in_the_table() -> None:
    table = topics.read_table(ROOT / "deploy" / "topics.yaml", ["polres-3301"])
    wanted = {t.replace("<agency_id>", "polres-3301") for t in by_topic() if "<topic>" not in t} | {"passport-raw"}
    assert wanted <= table.keys()


def test_application_keyed_topics_have_the_same_number_of_partitions() -> None:
    table = topics.read_table(ROOT / "deploy" / "topics.yaml", [])
    keyed = {m[0].TOPIC for m in by_topic().values() if m[0].KEY == "application_id"} | {"passport-raw"}
    assert len({table[t].partitions for t in keyed}) == 1
    assert table["suspicious-links"].partitions == 1


def test_a_topics_table_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    raw = yaml.safe_load((ROOT / "deploy" / "topics.yaml").read_text())
    (tmp_path / "t.yaml").write_text(yaml.safe_dump(raw | {"topcis": {}}))
    with pytest.raises(ValueError, match="topcis"):
        topics.read_table(tmp_path / "t.yaml", [])


def test_every_agency_has_a_queue_and_an_answer_topic() -> None:
    agencies = Tables.load().agencies
    table = topics.read_table(ROOT / "deploy" / "topics.yaml", agencies)
    assert all(f"queue-{a}" in table and f"answers-{a}" in table for a in agencies)


METRIC = re.compile(r'(Counter|Gauge|Histogram|Metric)\(\s*"([a-z_]+)",\s*"([^"]+)"')


def test_metric_names_follow_the_conventions_and_have_a_help_text() -> None:
    found = [m for f in FILES for m in METRIC.findall(f.read_text())]
    assert len(found) > 20
    for kind, name, text in found:
        assert name.startswith("tppo_"), name
        assert text.endswith("."), name
        if kind in ("Counter", "Metric"):
            assert name.endswith("_total"), name
    assert len({name for _, name, _ in found}) == len(found)


def test_no_module_reads_the_environment_but_settings_and_fault_points() -> None:
    allowed = {
        "runtime/settings.py",
        "runtime/faults.py",
        "cli/connection.py",
        "embedded/processes.py",
        "embedded/stack.py",
    }
    found = {f.relative_to(ROOT / "services").as_posix() for f in FILES if "os.environ" in f.read_text()}
    assert found <= allowed
