"""Alert rules speak of metrics that there are."""

import re

import pytest
import yaml
from docs.generate import ROOT

from ml_api.monitoring import metrics

RULES = [
    rule
    for path in (ROOT / "deploy/observability").glob("ml-*.yml")
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_names_a_metric_that_there_is_and_a_remedy(rule: dict[str, dict[str, str]]) -> None:
    named = {name.removesuffix("_bucket") for name in re.findall(r"\bml_\w+", str(rule["expr"]))}
    assert named
    assert named <= set(metrics.HELP)
    assert rule["annotations"]["remedy"]
