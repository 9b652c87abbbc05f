"""Training: snapshot -> features -> folds -> gate -> intervals -> graph -> model files.

The model names its snapshot, version of features and libraries. Training again on the same snapshot gives the
same bytes, for which the registry returns the existing version.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bookcore.lake import Lake
from bookml import artifact
from bookml.artifact import Files, ModelDescription
from bookml.encoder import COLUMNS
from bookml.features import NAMES, NUMBERS, VERSION, Features, compute_features
from bookml.registry import ModelDraft
from bookml.snapshot import SnapshotManifest, SnapshotRow, read_rows
from trainer import conformal, gate
from trainer.card_page import render_page
from trainer.fit import OUTER as FOLDS
from trainer.fit import FittedModel, OnProgress, OutOfFoldPredictions, TrainingRows, fit, predict_out_of_fold
from trainer.model_card import Evaluation, build_card, compute_metrics, to_json
from trainer.onnx_graph import build_graph

_CATEGORY = NAMES.index("category")
_CUTS = 9

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model that is ready to be registered."""

    files: Files
    draft: ModelDraft


def train_model(lake: Lake, manifest: SnapshotManifest, *, on_progress: OnProgress) -> TrainedModel:
    """Train in one thread: the partition of a sum among threads decides about its last bits.

    Raises: NotFound, Invalid when the snapshot is missing or altered.
    """
    with threadpool_limits(limits=1):
        return _train(lake, manifest, on_progress)


def _train(lake: Lake, manifest: SnapshotManifest, on_progress: OnProgress) -> TrainedModel:
    on_progress("reading", 0, FOLDS + 1)
    books = read_rows(lake, manifest)
    features = [compute_features(book.facts) for book in books]
    logs = np.log1p(np.array([float(book.price) for book in books]))
    rows = TrainingRows.from_features(features, [book.work for book in books], logs)
    predictions = predict_out_of_fold(rows, on_progress=on_progress)
    fitted = fit(rows, salt="whole")
    on_progress("folds", FOLDS + 1, FOLDS + 1)
    categories = [row.names[_CATEGORY] for row in features]
    scores = conformal.compute_scores(logs, predictions.model)
    evaluation = Evaluation(
        manifest=manifest,
        works=len(set(rows.works)),
        logs=logs,
        predictions=predictions,
        judgement=gate.judge_model(logs, rows.works, predictions),
        coverage=conformal.measure_coverage(scores, categories, predictions.folds),
    )
    facts = _build_description(manifest, rows, fitted, conformal.compute_offsets(scores, categories))
    return _build_model(evaluation, fitted, facts, books)


def _build_model(
    evaluation: Evaluation, fitted: FittedModel, facts: ModelDescription, books: Sequence[SnapshotRow]
) -> TrainedModel:
    card = build_card(evaluation, fitted.trees)
    manifest, judgement = evaluation.manifest, evaluation.judgement
    files = {
        artifact.MODEL: build_graph(fitted),
        artifact.FACTS: facts.to_json(),
        artifact.CARD: to_json(card),
        artifact.PAGE: render_page(card),
        artifact.ERRORS: _format_errors(books, evaluation.logs, evaluation.predictions),
        artifact.TREES: orjson.dumps([booster.model_to_string() for booster in fitted.trees.points]),
    }
    draft = ModelDraft(
        source=manifest.source,
        currency=manifest.currency,
        snapshot=manifest.id,
        features=VERSION,
        verdict=judgement.verdict.value,
        passed=judgement.passed,
        reason=judgement.format_reason(manifest.source),
        metrics=compute_metrics(evaluation),
    )
    return TrainedModel(files, draft)


def _build_description(
    manifest: SnapshotManifest, rows: TrainingRows, fitted: FittedModel, offsets: dict[str, float]
) -> ModelDescription:
    return ModelDescription(
        source=manifest.source,
        currency=manifest.currency,
        snapshot=manifest.id,
        features=VERSION,
        columns=COLUMNS,
        tables=fitted.tables,
        offsets=offsets,
        coverage=conformal.COVERAGE,
        centre=float(np.median(rows.logs)),
        spread=conformal.compute_spread(rows.logs),
        ranges=_compute_deciles(rows.features),
    )


def _compute_deciles(features: Sequence[Features]) -> dict[str, tuple[float, ...]]:
    """Deciles of each number that varies; drift is measured against them."""
    deciles = {}
    for at, name in enumerate(NUMBERS):
        values = np.array([row.numbers[at] for row in features])
        known = values[~np.isnan(values)]
        if len(known) and known.min() < known.max():
            cuts = np.quantile(known, np.linspace(0, 1, _CUTS + 2)[1:-1])
            deciles[name] = tuple(round(float(cut), 6) for cut in cuts)
    return deciles


def _format_errors(books: Sequence[SnapshotRow], logs: Doubles, predictions: OutOfFoldPredictions) -> bytes:
    """Out-of-fold error in log price by book; later models are compared with it pair by pair."""
    errors = predictions.model[:, 0] - logs
    return orjson.dumps({book.id: round(float(e), 6) for book, e in zip(books, errors, strict=True)})
