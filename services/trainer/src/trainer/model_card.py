"""The model card: what a model was trained on, how wrong it is, and where, as JSON."""

import math
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from bookml.features import VERSION
from bookml.snapshot import SnapshotManifest
from trainer.boosting import FOLDINGS, INPUT_COLUMNS, BoostedTrees
from trainer.conformal import COVERAGE, MeasuredCoverage
from trainer.fit import INNER, OUTER, OutOfFoldPredictions
from trainer.gate import MARGIN, GateResult

_DECILES = 10
_MOST_IMPORTANT = 20
_LIBRARIES = ("lightgbm", "numpy", "onnx", "scipy")

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a model did on rows that it hadn't seen."""

    manifest: SnapshotManifest
    works: int
    logs: Doubles
    made: OutOfFoldPredictions
    judgement: GateResult
    coverage: MeasuredCoverage


def build_card(trial: Evaluation, trees: BoostedTrees) -> dict[str, Any]:  # Any: JSON
    """Everything that stays the same when the same snapshot is trained on again; so no times."""
    judgement = trial.judgement
    return {
        "purpose": "The price that a shop of this source would print for a book of these facts.",
        "data": {
            "source": trial.manifest.source,
            "currency": trial.manifest.currency,
            "snapshot": trial.manifest.id,
            "books": trial.manifest.rows,
            "works": trial.works,
            "features": VERSION,
        },
        "method": {
            "model": "LightGBM on log(1 + price), cross-fitted target encodings, out-of-fold ridge on TF-IDF,"
            " latent topics of title and description",
            "learners": f"{FOLDINGS}, each on inputs that were made from inner folds of its own",
            "folds": f"{OUTER} outer and {INNER} inner, by work (title and first author)",
            "intervals": f"conformalized quantiles by category, meant to hold {COVERAGE:.0%}",
            "margin": MARGIN,
            "libraries": {name: version(name) for name in _LIBRARIES},
        },
        "verdict": judgement.verdict.value,
        "passed": judgement.passed,
        "reason": judgement.format_reason(trial.manifest.source),
        "metrics": compute_metrics(trial),
        "gain": asdict(judgement.gain),
        "dummy": judgement.dummy,
        "coverage_by_category": trial.coverage.by_category,
        "worst_category": trial.coverage.worst_category,
        "error_by_decile": _compute_deciles(trial),
        "importance": _compute_importance(trees),
        "not_for": "Other sources or currencies, first editions, signed copies, used books.",
    }


def compute_metrics(trial: Evaluation) -> dict[str, float]:
    """Figures by name, of predictions out of fold."""
    judgement, coverage = trial.judgement, trial.coverage
    errors = np.abs(np.expm1(trial.made.model[:, 0]) - np.expm1(trial.logs))
    told = {
        "rmsle": judgement.rmsle,
        "dummy_rmsle": judgement.dummy_rmsle,
        "one_minus_rmsle_log10": judgement.score,
        "gain": judgement.gain.gain,
        "gain_low": judgement.gain.low,
        "gain_high": judgement.gain.high,
        "median_absolute_error": float(np.median(errors)),
        "coverage": coverage.overall,
        "coverage_worst": coverage.worst,
        "books": float(len(trial.logs)),
        "works": float(trial.works),
    }
    return {name: round(value, 6) for name, value in told.items()}


def to_json(card: dict[str, Any]) -> bytes:
    """Canonical JSON, readable."""
    return orjson.dumps(card, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)


def _compute_deciles(trial: Evaluation) -> list[dict[str, float]]:
    """By the predicted price: what was predicted, what was true, and how far off."""
    order = np.argsort(trial.made.model[:, 0], kind="stable")
    return [_compute_decile(trial, part) for part in np.array_split(order, _DECILES) if len(part)]


def _compute_decile(trial: Evaluation, part: NDArray[np.int64]) -> dict[str, float]:
    errors = trial.made.model[part, 0] - trial.logs[part]
    return {
        "predicted": round(math.expm1(float(np.mean(trial.made.model[part, 0]))), 2),
        "true": round(math.expm1(float(np.mean(trial.logs[part]))), 2),
        "rmsle": round(float(np.sqrt(np.mean(errors**2))), 4),
    }


def _compute_importance(trees: BoostedTrees) -> list[tuple[str, float]]:
    """Share of all gain by input, most first."""
    gains = np.sum([booster.feature_importance("gain") for booster in trees.points], axis=0)
    total = float(gains.sum()) or 1.0
    ordered = sorted(zip(INPUT_COLUMNS, gains, strict=True), key=lambda each: (-each[1], each[0]))
    return [(name, round(float(gain) / total, 5)) for name, gain in ordered[:_MOST_IMPORTANT]]
