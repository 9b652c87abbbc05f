"""What Prometheus is told, and what its rules ask for."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import yaml
from fastapi.testclient import TestClient
from httpx2 import Client
from prometheus_client.parser import text_string_to_metric_families
from scipy import stats
from tests.unit.bookml.books import make_books
from tests.unit.ml_api.conftest import World
from tests.unit.ml_api.test_canary import (
    count_observed,
    observe_prices,
    predict_by_canary,
    start_canary,
    waiting,
)
from tests.unit.ml_api.test_models import NAME
from tests.unit.ml_api.test_predict import BOOK, ask

from ml_api.monitoring.metrics import HELP
from ml_api.serving.drift import compute_ks_distance

RULES = Path(__file__).parents[3] / "deploy/observability/rules.yml"
TENTHS = np.arange(0.1, 1.0, 0.1)
Samples = dict[str, list[tuple[Mapping[str, str], float]]]


def expose(client: Client) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(client.get("/ml/metrics").text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0, 3.0])
def test_ks_distance_equals_scipys_on_deciles(shift: float) -> None:
    drawing = np.random.default_rng(int(10 * shift))
    trained, asked = drawing.normal(0, 1, 5_000), drawing.normal(shift, 1, 2_000)
    distance = compute_ks_distance(asked.tolist(), np.quantile(trained, TENTHS).tolist())
    true = stats.ks_2samp(trained, asked).statistic
    assert true - 0.1 < distance <= true + 0.01


def test_constant_values_are_no_drift() -> None:
    assert compute_ks_distance([3.0] * 500, [3.0] * 9) <= 0.1
    assert compute_ks_distance([4.0] * 500, [3.0] * 9) == pytest.approx(0.9)


def make_busy(world: World, client: Client) -> Samples:
    """Every metric there is has something to tell."""
    books = make_books(300, signal=True, source="good")[:40]
    predict_by_canary(client, books)
    observe_prices(world, books, factor=1, round_=0)
    assert any(count_observed(told) == 80 for told in waiting(client))
    ask(client, source="good", batch=[{"title": "The lamp", "pages": 9_000 + n} for n in range(300)])
    return expose(client)


def test_every_metric_is_exported_and_every_rule_names_one(world: World) -> None:
    with start_canary(world, ml_canary_prices=1_000).client() as client:
        told = make_busy(world, client)
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in told}
    assert families == set(HELP)
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in (each for each in group["rules"] if re.search(r"\bml_", each["expr"])):
            for name, labels in re.findall(r"\b(ml_\w+)(?:\{([^}]*)\})?", rule["expr"]):
                wanted = dict(re.findall(r'(\w+)="([^"]*)"', labels))
                assert any(wanted.items() <= sample.items() for sample, _ in told[name]), rule["alert"]
            shown = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
            (first, *_) = re.findall(r"\bml_\w+", rule["expr"])
            assert shown <= told[first][0][0].keys(), rule["alert"]


def test_drift_error_and_coverage_are_exported_by_version_and_feature(world: World) -> None:
    with start_canary(world, ml_canary_prices=1_000).client() as client:
        told = make_busy(world, client)
    distances = {(s["model"], s["feature"]): value for s, value in told["ml_drift_ks"]}
    assert distances[NAME, "pages"] > 0.5
    versions = {(s["model"], s["version"]) for s, _ in told["ml_live_coverage"]}
    assert versions >= {(NAME, "1"), (NAME, "2")}
    signals = {s["source"]: value for s, value in told["ml_source_has_signal"]}
    assert signals == {"good": 1.0, "noise": 0.0}
    assert [(s["model"], value) for s, value in told["ml_trial_percent"]] == [(NAME, 20.0)]


def test_latency_buckets_are_cumulative(client: TestClient) -> None:
    for _ in range(5):
        ask(client, source="good", features=BOOK)
    told = expose(client)
    counts = [value for _, value in told["ml_predict_seconds_bucket"]]
    assert counts == sorted(counts)
    assert counts[-1] == told["ml_predict_seconds_count"][0][1] == 5
    assert told["ml_predict_seconds_sum"][0][1] > 0
