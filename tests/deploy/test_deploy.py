"""What is shipped to run elsewhere agrees with the code. No container engine is needed to say so."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from services.cli.run import Service
from services.intake.settings import IntakeSettings
from services.ledger.settings import LedgerSettings
from services.notify.settings import NotifySettings
from services.referral.settings import ReferralSettings
from services.risk.settings import RiskSettings
from services.runtime.settings import KafkaSettings, ServiceSettings, Settings, StoreSettings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "docker-compose.yml").read_text())
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
SETTINGS: dict[str, type[ServiceSettings]] = {
    "intake": IntakeSettings, "risk": RiskSettings, "referral": ReferralSettings, "notify": NotifySettings, "ledger": LedgerSettings,
}  # fmt: skip


def variables(settings: type[Settings]) -> set[str]:
    prefix = str(settings.model_config["env_prefix"])
    names = {f"{prefix}{n}".upper() for n in settings.model_fields}
    return names | {f"{n}_FILE" for n in names}


def test_the_compose_file_is_valid_by_its_schema() -> None:
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text())
    without_anchors = {k: v for k, v in COMPOSE.items() if not k.startswith("x-")}
    jsonschema.Draft201909Validator(schema).validate(without_anchors)


@pytest.mark.parametrize("service", SETTINGS)
def test_every_variable_of_compose_is_a_setting(service: str) -> None:
    known = variables(SETTINGS[service]) | variables(KafkaSettings) | variables(StoreSettings)
    assert set(COMPOSE["services"][service]["environment"]) <= known


@pytest.mark.parametrize("service", SETTINGS)
def test_every_setting_without_a_default_is_given(service: str) -> None:
    prefix = SETTINGS[service].model_config["env_prefix"]
    given = COMPOSE["services"][service]["environment"]
    for name, info in SETTINGS[service].model_fields.items():
        variable = f"{prefix}{name}".upper()
        if info.is_required():
            assert variable in given or f"{variable}_FILE" in given, variable


@pytest.mark.parametrize("service", SETTINGS)
def test_the_settings_of_compose_load(service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in COMPOSE["services"][service]["environment"].items():
        if name.endswith("_FILE") and name != "TPPO_REFERRAL_KEY_FILE":
            (tmp_path / name).write_text("x" * 40)
            value = tmp_path / name
        monkeypatch.setenv(name, str(value))
    assert SETTINGS[service].load().admin_port == 9100


def test_every_service_is_in_compose_with_its_own_name_as_argument() -> None:
    for service in Service:
        assert COMPOSE["services"][service.value]["command"] == [service.value]
        assert COMPOSE["services"][service.value]["image"] == "tppo"


def test_published_ports_are_the_ports_of_the_settings() -> None:
    for service in ("intake", "referral", "notify"):
        (published,) = COMPOSE["services"][service]["ports"]
        port = COMPOSE["services"][service]["environment"][f"TPPO_{service.upper()}_PORT"]
        assert published == f"{port}:{port}"


def test_the_image_runs_as_nobody_special_and_asks_the_right_path() -> None:
    assert re.search(r"^USER 10001$", DOCKERFILE, re.MULTILINE)
    assert 'ENTRYPOINT ["tppo", "run"]' in DOCKERFILE
    assert "http://127.0.0.1:9100/live" in DOCKERFILE
    assert "--require-hashes" in DOCKERFILE
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert all((ROOT / name).exists() for line in copied for name in line.split())


def test_prometheus_scrapes_every_service_at_its_admin_port() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    assert set(config["scrape_configs"][0]["static_configs"][0]["targets"]) == {f"{s.value}:9100" for s in Service}


def metric_names() -> set[str]:
    pattern = re.compile(r'(?:Counter|Gauge|Histogram|Metric)\(\s*"(tppo_[a-z_]+)"')
    return {name for f in (ROOT / "services").rglob("*.py") for name in pattern.findall(f.read_text())}


@pytest.mark.parametrize("file", ["prometheus/alerts.yml", "grafana/dashboards/tppo.json"])
def test_only_metrics_that_exist_are_asked_for(file: str) -> None:
    text = (DEPLOY / file).read_text()
    asked = {re.sub(r"_(bucket|sum|count)$", "", n) for n in re.findall(r"tppo_[a-z_]+", text)}
    assert asked <= metric_names()
    assert len(asked) > 5


def test_every_alert_has_a_runbook_and_a_unit_test() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
    tests = (DEPLOY / "prometheus" / "alerts_test.yml").read_text()
    for rule in rules:
        assert (ROOT / rule["annotations"]["runbook"]).exists()
        assert f"alertname: {rule['alert']}" in tests


@pytest.mark.parametrize(
    "command",
    [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"], ["check", "config", "prometheus.yml"]],
)
def test_promtool_is_content(command: list[str]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        assert not os.environ.get("CI"), "CI installs promtool"
        pytest.skip("promtool (Debian package prometheus) is not here")
    result = subprocess.run(
        [promtool, *command], cwd=DEPLOY / "prometheus", capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
