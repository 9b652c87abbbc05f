"""The model card as JSON: training data, method, errors and where they occur."""

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
    """Evaluation of a model on out-of-fold predictions."""

    manifest: SnapshotManifest
    works: int
    logs: Doubles
    predictions: OutOfFoldPredictions
    judgement: GateResult
    coverage: MeasuredCoverage


def build_card(evaluation: Evaluation, trees: BoostedTrees) -> dict[str, Any]:  # Any: JSON
    """The card; without times, so that training again on the same snapshot gives the same bytes."""
    judgement = evaluation.judgement
    return {
        "purpose": "The price that a shop of this source would print for a book of these facts.",
        "data": {
            "source": evaluation.manifest.source,
            "currency": evaluation.manifest.currency,
            "snapshot": evaluation.manifest.id,
            "books": evaluation.manifest.rows,
            "works": evaluation.works,
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
        "reason": judgement.format_reason(evaluation.manifest.source),
        "metrics": compute_metrics(evaluation),
        "gain": asdict(judgement.gain),
        "dummy": judgement.dummy,
        "coverage_by_category": evaluation.coverage.by_category,
        "worst_category": evaluation.coverage.worst_category,
        "error_by_decile": _compute_deciles(evaluation),
        "importance": _compute_importance(trees),
        "not_for": "Other sources or currencies, first editions, signed copies, used books.",
    }


def compute_metrics(evaluation: Evaluation) -> dict[str, float]:
    """Metrics of out-of-fold predictions by name."""
    judgement, coverage = evaluation.judgement, evaluation.coverage
    errors = np.abs(np.expm1(evaluation.predictions.model[:, 0]) - np.expm1(evaluation.logs))
    metrics = {
        "rmsle": judgement.rmsle,
        "dummy_rmsle": judgement.dummy_rmsle,
        "one_minus_rmsle_log10": judgement.score,
        "gain": judgement.gain.gain,
        "gain_low": judgement.gain.low,
        "gain_high": judgement.gain.high,
        "median_absolute_error": float(np.median(errors)),
        "coverage": coverage.overall,
        "coverage_worst": coverage.worst,
        "books": float(len(evaluation.logs)),
        "works": float(evaluation.works),
    }
    return {name: round(value, 6) for name, value in metrics.items()}


def to_json(card: dict[str, Any]) -> bytes:
    """Canonical, indented JSON."""
    return orjson.dumps(card, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)


def _compute_deciles(evaluation: Evaluation) -> list[dict[str, float]]:
    """Mean predicted and true price and RMSLE by decile of the predicted price."""
    order = np.argsort(evaluation.predictions.model[:, 0], kind="stable")
    return [_compute_decile(evaluation, part) for part in np.array_split(order, _DECILES) if len(part)]


def _compute_decile(evaluation: Evaluation, part: NDArray[np.int64]) -> dict[str, float]:
    errors = evaluation.predictions.model[part, 0] - evaluation.logs[part]
    return {
        "predicted": round(math.expm1(float(np.mean(evaluation.predictions.model[part, 0]))), 2),
        "true": round(math.expm1(float(np.mean(evaluation.logs[part]))), 2),
        "rmsle": round(float(np.sqrt(np.mean(errors**2))), 4),
    }


def _compute_importance(trees: BoostedTrees) -> list[tuple[str, float]]:
    """Share of the total gain by input, largest first."""
    gains = np.sum([booster.feature_importance("gain") for booster in trees.points], axis=0)
    total = float(gains.sum()) or 1.0
    ordered = sorted(zip(INPUT_COLUMNS, gains, strict=True), key=lambda item: (-item[1], item[0]))
    return [(name, round(float(gain) / total, 5)) for name, gain in ordered[:_MOST_IMPORTANT]]
