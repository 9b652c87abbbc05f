"""Prometheus and Alertmanager accept their configurations, of containers and of the stack."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from deploy.observability.generate import FOLDER
from deploy.observability.thresholds import MODELS, STATES

from bookstream.local_access import publish_metrics
from devstack.prometheus import TARGETS_FILE, build_configuration
from devstack.server import Instance

NEEDS_PROMTOOL = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is missing: make promtool")
NEEDS_AMTOOL = pytest.mark.skipif(not shutil.which("amtool"), reason="amtool is missing: make promtool")


def run_check(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@NEEDS_AMTOOL
def test_alertmanager_accepts_its_configuration() -> None:
    assert "1 receivers" in run_check("amtool", "check-config", str(FOLDER / "alertmanager.yml"))


@NEEDS_AMTOOL
@pytest.mark.parametrize("severity", sorted({each.severity for each in (*STATES, *MODELS)}))
def test_an_alert_of_every_severity_reaches_a_receiver(severity: str) -> None:
    words = ("amtool", "config", "routes", "test", "--config.file", str(FOLDER / "alertmanager.yml"))
    assert run_check(*words, f"severity={severity}").split() == ["example"]


@NEEDS_PROMTOOL
def test_prometheus_accepts_the_configuration_of_containers(tmp_path: Path) -> None:
    text = (FOLDER / "prometheus.yml").read_text()
    file = tmp_path / "prometheus.yml"
    file.write_text(text.replace("/etc/prometheus/rules.yml", str(FOLDER / "rules.yml")))
    assert "SUCCESS" in run_check("promtool", "check", "config", str(file))


@NEEDS_PROMTOOL
def test_prometheus_accepts_the_configuration_of_the_stack_and_the_listed_processes(tmp_path: Path) -> None:
    here = Instance(tmp_path, tmp_path, 9090, "")
    shutil.copy(FOLDER / "rules.yml", tmp_path)
    file = tmp_path / "prometheus.yml"
    file.write_text(json.dumps(build_configuration(here, tmp_path)))
    with publish_metrics(tmp_path, {"gateway": 8080}):
        listed = json.loads((tmp_path / TARGETS_FILE).read_text())
        assert listed == [{"targets": ["127.0.0.1:8080"], "labels": {"job": "gateway"}}]
        assert "SUCCESS" in run_check("promtool", "check", "config", str(file))
    assert not (tmp_path / TARGETS_FILE).exists()
