"""Prometheus' rules of objectives, states and models: the text of rules.yml."""

from collections.abc import Mapping, Sequence

import yaml
from deploy.observability.slo import OBJECTIVES, build_objective
from deploy.observability.thresholds import MODELS, STATES, build_threshold

Group = Mapping[str, object]
NOTE = "# Written by deploy/observability/generate.py.\n"


def build_groups() -> Sequence[Group]:
    """Prometheus' rule groups."""
    return [
        {
            "name": "bookstream-objectives",
            "rules": [rule for objective in OBJECTIVES for rule in build_objective(objective)],
        },
        {"name": "bookstream-states", "rules": [build_threshold(threshold) for threshold in STATES]},
        {"name": "bookstream-models", "rules": [build_threshold(threshold) for threshold in MODELS]},
    ]


def dump_rules() -> str:
    """The text of rules.yml."""
    return NOTE + yaml.safe_dump({"groups": build_groups()}, sort_keys=False, width=110)
