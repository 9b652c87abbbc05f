"""Metrics in Prometheus' text format: use, latency, live error and coverage, drift."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from bookcore.kit.admin.families import list_families
from ml_api.experiments.assignment import get_challenger_share
from ml_api.serving.prediction_service import PredictionService

_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0)
HELP = {
    family.name: (family.type.value, family.meaning)
    for family in list_families("ml-api")
    if family.name.startswith("ml_") and not family.name.startswith("ml_api_")
}
"""Type and description of every metric."""
Sample = tuple[str, str, float]
"""(family, name with labels, value)."""


@dataclass(slots=True)
class MlMetrics:
    """Counters of this process; other metrics are computed on request."""

    _answers: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    _buckets: list[int] = field(default_factory=lambda: [0] * (len(_BOUNDS) + 1))
    _seconds: float = 0.0

    def record(self, model: str, kind: str, count: int, seconds: float) -> None:
        """Count one request."""
        self._answers[model, kind] += count
        self._buckets[bisect_left(_BOUNDS, seconds)] += 1
        self._seconds += seconds

    def render(self, service: PredictionService) -> str:
        """All metrics. Raises: Unavailable when the table of predictions is unavailable."""
        lines: list[str] = []
        samples = [
            *self._list_request_samples(),
            *_list_live_samples(service),
            *_list_experiment_samples(service),
        ]
        for name, (kind, meaning) in HELP.items():
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
            lines += [f"{line} {value}" for family, line, value in samples if family == name]
        return "\n".join(lines) + "\n"

    def _list_request_samples(self) -> Iterator[Sample]:
        for (model, kind), count in sorted(self._answers.items()):
            yield "ml_predictions_total", f'ml_predictions_total{{model="{model}",kind="{kind}"}}', count
        name, cumulative = "ml_predict_seconds", 0
        for bound, count in zip((*_BOUNDS, "+Inf"), self._buckets, strict=True):
            cumulative += count
            yield name, f'{name}_bucket{{le="{bound}"}}', cumulative
        yield name, f"{name}_sum", round(self._seconds, 6)
        yield name, f"{name}_count", cumulative


def _list_live_samples(service: PredictionService) -> Iterator[Sample]:
    for name, line in sorted(service.models.by_name.items()):
        for arm in service.recorder.store.read_arms(name):
            labels = f'{{model="{name}",version="{arm.version}",variant="{arm.variant}"}}'
            yield "ml_live_observed", f"ml_live_observed{labels}", arm.observed
            if arm.rmsle is not None and arm.coverage is not None:
                yield "ml_live_rmsle", f"ml_live_rmsle{labels}", round(arm.rmsle, 6)
                yield "ml_live_coverage", f"ml_live_coverage{labels}", round(arm.coverage, 6)
        for kind, distances in (
            ("psi", service.drift.compute_psi(line)),
            ("ks", service.drift.compute_ks(line)),
        ):
            for feature, value in sorted(distances.items()):
                labels = f'{{model="{name}",feature="{feature}"}}'
                yield f"ml_drift_{kind}", f"ml_drift_{kind}{labels}", value
        newest = line.newest
        labels = f'{{model="{name}",source="{newest.source}",currency="{newest.currency}"}}'
        yield "ml_source_has_signal", f"ml_source_has_signal{labels}", int(newest.passed)
        if line.champion:
            age = (service.clock.now() - line.champion.version.created_at).total_seconds()
            yield "ml_model_age_seconds", f'ml_model_age_seconds{{model="{name}"}}', round(age)
    yield "ml_registry_trouble", "ml_registry_trouble", int(bool(service.models.problem))


def _list_experiment_samples(service: PredictionService) -> Iterator[Sample]:
    for name, line in sorted(service.models.by_name.items()):
        if line.champion is None or line.challenger is None:
            continue
        percent = round(100 * get_challenger_share(line, service.settings))
        yield "ml_trial_percent", f'ml_trial_percent{{model="{name}"}}', percent
        version = line.challenger.version
        labels = f'{{model="{name}",version="{version.version}"}}'
        failed = service.challenger_runner.get_counts(version).failures
        yield "ml_challenger_failures_total", f"ml_challenger_failures_total{labels}", failed
    yield "ml_predictions_waiting", "ml_predictions_waiting", service.recorder.waiting
