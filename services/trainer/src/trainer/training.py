"""A training run: snapshot -> features -> folds -> gate -> intervals -> graph -> registry.

The run names its snapshot, its features' version and its libraries; run again on the same snapshot it makes
the same bytes, and the registry answers with the version that it has.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bookcore.lake import Lake
from bookml import artifact
from bookml.artifact import Files, ModelFacts
from bookml.encoder import COLUMNS
from bookml.features import NAMES, NUMBERS, VERSION, Features, features_of
from bookml.registry import Draft
from bookml.snapshot import Example, Manifest, examples
from trainer import conformal, gate
from trainer.card_page import page_of
from trainer.fit import OUTER as FOLDS
from trainer.fit import Fitted, OutOfFold, Progress, Rows, fit, out_of_fold
from trainer.model_card import Trial, card_of, dumped, metrics_of
from trainer.onnx_graph import graph_of

_CATEGORY = NAMES.index("category")
_CUTS = 9

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, ready for the registry."""

    files: Files
    draft: Draft


def train(lake: Lake, manifest: Manifest, *, show: Progress) -> Trained:
    """In one thread: how a sum is shared out among several decides about its last bits.

    Raises: NotFound, Invalid when the snapshot is gone or altered.
    """
    with threadpool_limits(limits=1):
        return _trained(lake, manifest, show)


def _trained(lake: Lake, manifest: Manifest, show: Progress) -> Trained:
    show("reading", 0, FOLDS + 1)
    books = examples(lake, manifest)
    features = [features_of(book.facts) for book in books]
    logs = np.log1p(np.array([float(book.price) for book in books]))
    rows = Rows.of(features, [book.work for book in books], logs)
    made = out_of_fold(rows, show=show)
    fitted = fit(rows, salt="whole")
    show("folds", FOLDS + 1, FOLDS + 1)
    categories = [row.names[_CATEGORY] for row in features]
    scores = conformal.scores_of(logs, made.model)
    trial = Trial(
        manifest=manifest,
        works=len(set(rows.works)),
        logs=logs,
        made=made,
        judgement=gate.judged(logs, rows.works, made),
        coverage=conformal.coverage_of(scores, categories, made.folds),
    )
    facts = _facts(manifest, rows, fitted, conformal.offsets_of(scores, categories))
    return _packed(trial, fitted, facts, books)


def _packed(trial: Trial, fitted: Fitted, facts: ModelFacts, books: Sequence[Example]) -> Trained:
    card = card_of(trial, fitted.trees)
    manifest, judgement = trial.manifest, trial.judgement
    files = {
        artifact.MODEL: graph_of(fitted),
        artifact.FACTS: facts.dump(),
        artifact.CARD: dumped(card),
        artifact.PAGE: page_of(card),
        artifact.ERRORS: _errors(books, trial.logs, trial.made),
        artifact.TREES: orjson.dumps([booster.model_to_string() for booster in fitted.trees.points]),
    }
    draft = Draft(
        source=manifest.source,
        currency=manifest.currency,
        snapshot=manifest.id,
        features=VERSION,
        verdict=judgement.verdict.value,
        passed=judgement.passed,
        reason=judgement.reason(manifest.source),
        metrics=metrics_of(trial),
    )
    return Trained(files, draft)


def _facts(manifest: Manifest, rows: Rows, fitted: Fitted, offsets: dict[str, float]) -> ModelFacts:
    return ModelFacts(
        source=manifest.source,
        currency=manifest.currency,
        snapshot=manifest.id,
        features=VERSION,
        columns=COLUMNS,
        tables=fitted.tables,
        offsets=offsets,
        coverage=conformal.COVERAGE,
        centre=float(np.median(rows.logs)),
        spread=conformal.spread_of(rows.logs),
        ranges=_ranges(rows.features),
    )


def _ranges(features: Sequence[Features]) -> dict[str, tuple[float, ...]]:
    """For each number that varies, the nine values that cut the books into tenths: drift goes by them."""
    found = {}
    for at, name in enumerate(NUMBERS):
        values = np.array([row.numbers[at] for row in features])
        known = values[~np.isnan(values)]
        if len(known) and known.min() < known.max():
            cuts = np.quantile(known, np.linspace(0, 1, _CUTS + 2)[1:-1])
            found[name] = tuple(round(float(cut), 6) for cut in cuts)
    return found


def _errors(books: Sequence[Example], logs: Doubles, made: OutOfFold) -> bytes:
    """Error in log price by book, out of fold: what a later model is compared with, pair by pair."""
    errors = made.model[:, 0] - logs
    return orjson.dumps({book.id: round(float(e), 6) for book, e in zip(books, errors, strict=True)})
