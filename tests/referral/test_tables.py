"""Tables with any single mistake stop start-up; the error names file, line and key."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.referral.tables import FILES, HERE, TableError, Tables

Change = Callable[[Any], Any]


def put(*path: str | int, value: Any) -> Change:
    def change(data: Any) -> None:
        for part in path[:-1]:
            data = data[part]
        data[path[-1]] = value

    return change


def drop(*path: str | int) -> Change:
    def change(data: Any) -> None:
        for part in path[:-1]:
            data = data[part]
        del data[path[-1]]

    return change


# file, what is done to it, the path that the error names
MISTAKES: list[tuple[str, Change, str]] = [
    ("consents.yaml", put("ormas-2026-1", "text", "en", value=""), "ormas-2026-1.text.en"),
    ("consents.yaml", drop("ormas-2026-1", "valid_from"), "ormas-2026-1.valid_from"),
    ("clocks.yaml", drop("glass"), "glass"),
    ("routes.yaml", put("identity_doubt", "role", value="tni"), "identity_doubt.role"),
    ("routes.yaml", put("identity_doubt", "fields", value=["R0", "R9"]), "identity_doubt.fields"),
    ("routes.yaml", put("identity_doubt", "fields", value=[]), "identity_doubt.fields"),
    ("routes.yaml", put("identity_doubt", "when", value="level ==="), "identity_doubt.when"),
    ("routes.yaml", put("identity_doubt", "deadline", value={}), "identity_doubt.deadline"),
    ("routes.yaml", put("identity_doubt", "deadline", value={"hours": 1, "working_days": 1}), "identity_doubt.deadline"),
    ("routes.yaml", put("identity_doubt", "deadline", value={"hours": 0}), "identity_doubt.deadline.hours"),
    ("routes.yaml", put("identity_doubt", "mode", value="sometimes"), "identity_doubt.mode"),
    ("routes.yaml", put("identity_doubt", "territori", value="domicile"), "identity_doubt.territori"),
    ("routes.yaml", put("identity_doubt", "territory", value="nik"), "identity_doubt.territory"),
    ("routes.yaml", drop("identity_doubt", "question"), "identity_doubt.question"),
    ("routes.yaml", put("identity_doubt", "question", value={"id": "Apa?"}), "identity_doubt.question.en"),
    ("routes.yaml", put("accompany", "consent", value=False), "accompany.consent"),
    ("routes.yaml", put("identity_doubt", value="disdukcapil"), "identity_doubt"),
    ("states.yaml", put("flagged", "next", "open", value={"by": ["officer"]}), "flagged.next.open"),
    ("states.yaml", put("flagged", "next", "interviewing", value={"by": ["tukang"]}), "flagged.next.interviewing.by.0"),
    ("states.yaml", put("flagged", "next", "interviewing", value={"by": []}), "flagged.next.interviewing.by"),
    ("states.yaml", put("flagged", "clock", "name", value="sundial"), "flagged.clock.name"),
    ("states.yaml", drop("flagged", "clock"), "flagged"),
    ("states.yaml", put("deferred", "next", "refused", "needs", value=["a_stamp"]), "deferred.next.refused.needs.0"),
    ("states.yaml", put("closed_pmi_np", "outcome", value="guilty"), "closed_pmi_np.outcome"),
    ("states.yaml", put("closed_pmi_np", "next", value={}), "closed_pmi_np.next"),
    ("states.yaml", put("limbo", value={"title": {"id": "x", "en": "x"}, "closed": True, "next": {"reopened": {"by": ["supervisor"]}}}), "limbo"),
    ("states.yaml", drop("flagged", "title"), "flagged.title"),
    ("states.yaml", put("interviewing", "next", "closed_cleared", "second", value={"by": ["officer"], "from_level": 4}), "interviewing.next.closed_cleared.second.from_level"),
    ("clocks.yaml", put("answer", "steps", "remind", "at", value=-1), "answer.steps.remind.at"),
    ("clocks.yaml", put("answer", "steps", "remind", "at", value=120), "answer.steps"),
    ("clocks.yaml", put("answer", "steps", "remind", "to", value="{boss}"), "answer.steps.remind.to"),
    ("clocks.yaml", put("answer", "steps", value={}), "answer.steps"),
    ("clocks.yaml", drop("law"), "law"),
    ("answers.yaml", put("polri", "lp_filed", value={"proposes": "guilty"}), "polri.lp_filed.proposes"),
    ("answers.yaml", put("pemda", "moved", value={"mark": "recruiter_confirmed"}), "pemda.moved.mark"),
    ("answers.yaml", put("disnaker", "agent_unlicensed", value={"mark": "unlicensed"}), "disnaker.agent_unlicensed.days"),
    ("answers.yaml", put("disnaker", "registered", value={"propose": "cleared"}), "disnaker.registered.propose"),
    ("answers.yaml", drop("common"), "common"),
    ("agencies/polri.yaml", put(0, "agency_id", value="POLRES 1"), "0.agency_id"),
    ("agencies/polri.yaml", put(0, "territory", value=[]), "0.territory"),
    ("agencies/polri.yaml", put(0, "channel", value="pigeon"), "0.channel"),
    ("agencies/polri.yaml", put(0, "valid_from", value="soon"), "0.valid_from"),
    ("agencies/polri.yaml", drop(0, "name"), "0.name"),
    ("agencies/disnaker.yaml", put(0, "agency_id", value="polres-3301"), "0.agency_id"),
]  # fmt: skip


def copied(folder: Path) -> Path:
    (folder / "agencies").mkdir()
    for file in (*FILES, *(f"agencies/{p.name}" for p in (HERE / "agencies").glob("*.yaml"))):
        (folder / file).write_text((HERE / file).read_text())
    return folder


@pytest.mark.parametrize(("file", "change", "place"), MISTAKES, ids=[f"{f} {p}" for f, _, p in MISTAKES])
def test_a_single_mistake_is_named_by_file_line_and_key(tmp_path: Path, file: str, change: Change, place: str) -> None:
    folder = copied(tmp_path)
    data = yaml.safe_load((folder / file).read_text())
    change(data)
    (folder / file).write_text(yaml.safe_dump(data, sort_keys=False))
    with pytest.raises(TableError) as caught:
        Tables.load(folder)
    where, line, said = str(caught.value).split(":", 2)
    assert said.strip().startswith(f"{place}: ") or file.startswith("agencies/disnaker"), caught.value
    assert where in (file, "agencies/polri.yaml")
    assert int(line) >= 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: {b", "cannot be read as YAML"),
        ("identity_doubt: {}\nidentity_doubt: {}\n", ":2: identity_doubt: stands there twice"),
    ],
)
def test_what_is_no_yaml_or_names_a_key_twice_is_told_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    folder = copied(tmp_path)
    (folder / "routes.yaml").write_text(text)
    with pytest.raises(TableError, match=words):
        Tables.load(folder)


def test_the_line_is_the_one_of_the_key(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    text = (folder / "routes.yaml").read_text()
    (folder / "routes.yaml").write_text(text.replace("territory: registry", "territory: nik"))
    line = next(n for n, row in enumerate(text.splitlines(), 1) if "territory: registry" in row)
    with pytest.raises(TableError, match=rf"routes\.yaml:{line}: identity_doubt\.territory"):
        Tables.load(folder)
