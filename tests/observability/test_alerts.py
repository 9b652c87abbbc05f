"""Every alert on objectives and states fires for its fault, is silent without one, and has a runbook."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from deploy.observability.slo import OBJECTIVES, RULES, THRESHOLDS, build_rules, dump_rules
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
}
NAMES = {each.name for each in (*OBJECTIVES, *THRESHOLDS)}


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
    tests = {"rule_files": [str(RULES)], "evaluation_interval": "5m", "tests": cases}
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(tests))
    done = subprocess.run(
        ["promtool", "test", "rules", "tests.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_fault_and_a_runbook() -> None:
    assert set(FAULTS) == NAMES
    assert {path.stem for path in (ROOT / "docs/runbooks").glob("*.md")} == NAMES


def test_rules_are_written_from_the_objectives_and_name_exported_metrics() -> None:
    assert RULES.read_text() == dump_rules()
    named = {
        re.sub("_(bucket|count)$", "", name)
        for name in re.findall(r"\b(?:gateway|ingestor|scraper|bookstream)_\w+", str(build_rules()))
    }
    assert named <= set(METRICS)
