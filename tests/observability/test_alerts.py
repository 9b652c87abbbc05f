"""Every alert on objectives and states fires for its fault, is silent without one, and has a runbook."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from deploy.observability.generate import RULES
from deploy.observability.rules import build_groups
from deploy.observability.slo import OBJECTIVES
from deploy.observability.thresholds import MODELS, STATES
from docs.generate import ROOT

from bookcore.kit.admin.families import METRICS

_REQUESTS = 'gateway_requests_total{route="/books",status="200"}'
_QUICK = 'gateway_request_seconds_bucket{route="/books",le="0.25"}'
_FRESH = 'ingestor_freshness_seconds_bucket{le="60.0"}'
_REJECTED = 'ingestor_records_total{outcome="rejected"}'
_FAILED = 'scraper_pages_total{source="shop",outcome="failed"}'
_UP = 'up{job="gateway",instance="gateway:9090"}'
_LOST = 'bookstream_audit_events{result="lost"}'
_LAG = 'ingestor_lag_seconds{group="ingestor.index",partition="0"}'
_OUTBOX = "ingestor_outbox_oldest_seconds"
_DEPENDENCY = 'bookstream_dependency_up{job="gateway",dependency="cache"}'
_BREAKER = 'gateway_upstream_breaker_open{service="books-api"}'
_LOCALLY = "gateway_requests_counted_locally_total"
_COMPLETE = 'scraper_last_complete_timestamp_seconds{source="shop"}'
_COVERAGE = 'ml_live_coverage{model="price",version="2",variant="champion"}'
_PSI = 'ml_drift_psi{model="price",feature="pages"}'
_KS = 'ml_drift_ks{model="price",feature="pages"}'
_AGE = 'ml_model_age_seconds{model="price"}'
_SIGNAL = 'ml_source_has_signal{model="price",source="shop",currency="GBP"}'
_CHALLENGER = 'ml_challenger_failures_total{model="price",version="3"}'
_WAITING = "ml_predictions_waiting"
_REGISTRY = "ml_registry_trouble"
_PREDICTED = 'ml_predict_seconds_bucket{le="0.1"}'
_DRILL = "ingestor_drill_timestamp_seconds"
_BACKUP = 'kube_cronjob_status_last_successful_time{cronjob="backup"}'
_DUE = 'scraper_schedule_due_timestamp_seconds{source="shop"}'
HEALTHY = {
    _REQUESTS: "0+100x125",
    'gateway_requests_total{route="/books",status="503"}': "0+0x125",
    'gateway_request_seconds_count{route="/books"}': "0+1000x125",
    _QUICK: "0+999x125",
    "ingestor_freshness_seconds_count": "0+1000x125",
    _FRESH: "0+999x125",
    'ingestor_records_total{outcome="accepted"}': "0+1000x125",
    _REJECTED: "0+0x125",
    'scraper_pages_total{source="shop",outcome="book"}': "0+1000x125",
    _FAILED: "0+1x125",
    _UP: "1x125",
    _LOST: "0x125",
    _LAG: "20x125",
    _OUTBOX: "1x125",
    _DEPENDENCY: "1x125",
    _BREAKER: "0x125",
    _LOCALLY: "5x125",
    _COMPLETE: "0x125",
    _DUE: "3600+60x125",
    _COVERAGE: "0.9x125",
    'ml_live_coverage{model="price",version="3",variant="challenger"}': "0.5x125",
    'ml_live_observed{model="price",version="2",variant="champion"}': "500x125",
    _PSI: "0.1x125",
    _KS: "0.1x125",
    _AGE: "86400x125",
    _SIGNAL: "1x125",
    _CHALLENGER: "2x125",
    _WAITING: "3x125",
    _REGISTRY: "0x125",
    _PREDICTED: "0+1000x125",
    'ml_predict_seconds_bucket{le="0.5"}': "0+1000x125",
    'ml_predict_seconds_bucket{le="+Inf"}': "0+1000x125",
    _DRILL: "0x125",
    _BACKUP: "0x125",
}
"""Series -> values, one a minute."""
FAULTS: Mapping[str, Mapping[str, str]] = {
    "ApiAvailability": {'gateway_requests_total{route="/books",status="503"}': "0+3x125"},
    "ApiLatency": {_QUICK: "0+700x125"},
    "Freshness": {_FRESH: "0+700x125"},
    "DeadLetters": {_REJECTED: "0+30x125"},
    "CrawlSuccess": {_FAILED: "0+300x125"},
    "TargetDown": {_UP: "0x125"},
    "NoTraffic": {_REQUESTS: "7x125"},
    "EventsLost": {_LOST: "2x125"},
    "ConsumerLag": {_LAG: "301x125"},
    "OutboxStuck": {_OUTBOX: "0+60x125"},
    "DependencyDown": {_DEPENDENCY: "0x125"},
    "BreakerOpen": {_BREAKER: "1x125"},
    "LimitsPerProcess": {_LOCALLY: "0+1x125"},
    "CrawlTooOld": {_COMPLETE: "-200000x125"},
    "ScheduleMissed": {_DUE: "0x125"},
    "IntervalsHoldTooLittle": {_COVERAGE: "0.8x125"},
    "InputsDrift": {_PSI: "0.3x125"},
    "InputsHaveAnotherShape": {_KS: "0.4x125"},
    "ModelIsOld": {_AGE: "8000000x125"},
    "SourceIsNoise": {_SIGNAL: "0x125"},
    "ChallengerFails": {_CHALLENGER: "0+1x125"},
    "PredictionsAreNotWritten": {_WAITING: "20000x125"},
    "ModelsCannotBeRefreshed": {_REGISTRY: "1x125"},
    "PredictionsAreSlow": {_PREDICTED: "0+900x125"},
    "DrillTooOld": {_DRILL: "-700000x125"},
    "BackupTooOld": {_BACKUP: "-100000x125"},
}
NAMES = {each.name for each in (*OBJECTIVES, *STATES, *MODELS)}


def build_case(fault: Mapping[str, str], firing: str) -> dict[str, object]:
    """After two hours of the fault exactly that alert fires, or none."""
    series = [{"series": name, "values": values} for name, values in {**HEALTHY, **fault}.items()]
    expression = 'count by (alertname) (ALERTS{alertstate="firing"})'
    severities = 2 if firing in {each.name for each in OBJECTIVES} else 1
    samples = [{"labels": f'{{alertname="{firing}"}}', "value": severities}] if firing else []
    test = {"expr": expression, "eval_time": "2h", "exp_samples": samples}
    return {"interval": "1m", "input_series": series, "promql_expr_test": [test]}


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is missing: make promtool")
def test_each_alert_fires_for_its_fault_alone_and_none_without_a_fault(tmp_path: Path) -> None:
    cases = [build_case({}, ""), *(build_case(fault, name) for name, fault in FAULTS.items())]
    tests = {"rule_files": [str(RULES)], "evaluation_interval": "15m", "tests": cases}
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(tests))
    done = subprocess.run(
        ["promtool", "test", "rules", "tests.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_fault_and_a_runbook() -> None:
    assert set(FAULTS) == NAMES
    pages = {path.stem: path.read_text() for path in (ROOT / "docs/runbooks").glob("*.md")}
    assert pages.keys() == NAMES
    for name, text in pages.items():
        assert re.match(rf"# {name}\n\n\w.*\n\n## Look\n\n- .*\n\n## Act\n\n- ", text, re.DOTALL), name


def test_each_alert_names_exported_metrics_and_labels_that_they_have() -> None:
    for rule in list_rules():
        names = set(re.findall(r"\b(?:gateway|ingestor|scraper|bookstream|ml)_\w+", str(rule["expr"])))
        families = {re.sub("_(bucket|count)$", "", name) for name in names}
        assert families <= set(METRICS), rule
        labels = {label for name in families for label in METRICS[name].labels} | {"instance", "job"}
        annotations = str(rule.get("annotations", ""))
        assert set(re.findall(r"\$labels\.(\w+)", annotations)) <= labels, rule


def list_rules() -> list[dict[str, object]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    assert groups == build_groups()
    return [rule for group in groups for rule in group["rules"]]
