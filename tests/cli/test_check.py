"""tppo check: a file is looked at as intake would, without a server."""

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from services.cli.main import app
from tests.build import lines, submitted
from tests.stack.test_commands import HEADER, MAPPING, ROWS, table


def check(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["check", *arguments], env={"COLUMNS": "300"})


def test_every_fault_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(
        b"\n".join([*lines([submitted()]), b"", b"{broken", *lines([submitted(nik="x", hobi="y")])]) + b"\n"
    )
    result = check(str(file))
    assert result.exit_code == 2
    assert orjson.loads(result.stdout)["good"] == 1
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["line 3", "line 4"]
    assert "data.nik" in result.stderr


def test_unknown_fields_are_told(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(lines([submitted(hobi="y")])) + b"\n")
    assert orjson.loads(check(str(file)).stdout) == {"good": 1, "refused": 0, "unknown_fields": {"hobi": 1}}


def test_a_table_is_checked_by_its_mapping(tmp_path: Path) -> None:
    file, mapping = table(tmp_path)
    result = check(str(file), "--map", str(mapping))
    assert result.exit_code == 2
    assert orjson.loads(result.stdout)["good"] == 2


@pytest.mark.parametrize(
    ("header", "encoding", "change", "says"),
    [
        (HEADER.replace(";", ","), "cp1252", ("", ""), "perhaps `delimiter: ','`"),
        (HEADER.replace("NIK", "KTP"), "cp1252", ("", ""), "no column NIK"),
        (HEADER, "cp1252", ("cp1252", "utf-8"), "encoding: cp1252"),
        ("\ufeff" + HEADER, "utf-8", ("cp1252", "utf-8"), "utf-8-sig"),
        (HEADER, "cp1252", ("subject:", "subjekt:"), "subject missing"),
        (HEADER, "cp1252", ("{column: NIK}", "{kolom: NIK}"), "data.nik"),
        (HEADER, "cp1252", ("{column: NIK}", "{column: NIK, value: x}"), "either `column` or `value`"),
        (HEADER, "cp1252", ("data:", "data: ["), "is not YAML"),
    ],
    ids=["delimiter", "column", "code page", "byte order mark", "attribute", "key", "two origins", "yaml"],
)  # fmt: skip
def test_a_table_or_mapping_with_a_mistake_is_named(
    tmp_path: Path, header: str, encoding: str, change: tuple[str, str], says: str
) -> None:
    file, mapping = tmp_path / "table.csv", tmp_path / "map.yaml"
    file.write_text("\n".join([header, *ROWS]) + "\n", encoding=encoding)
    mapping.write_text(MAPPING.replace(*change) if change[0] else MAPPING)
    result = check(str(file), "--map", str(mapping))
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_table_without_a_mapping_is_refused_with_what_to_say(tmp_path: Path) -> None:
    file, _ = table(tmp_path)
    assert "--map FILE" in check(str(file)).stderr
