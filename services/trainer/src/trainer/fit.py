"""Fits one model to rows, and predicts rows out of fold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bookml.encoder import ModelInputs, NameEffect, encode
from bookml.features import Features
from trainer import boosting, lsa, target_encoding, text_ridge
from trainer.folds import Ints, assign_folds

INNER = 5
OUTER = 5
Doubles = NDArray[np.float64]
Singles = NDArray[np.float32]
OnProgress = Callable[[str, int, int], None]
"""Called with (name of the phase, done, total)."""


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Training rows; `words` is the word matrix of `features`, row by row."""

    features: Sequence[Features]
    works: Sequence[str]
    logs: Doubles
    words: csr_matrix

    @classmethod
    def from_features(
        cls, features: Sequence[Features], works: Sequence[str], logs: Doubles
    ) -> "TrainingRows":
        """Rows with their word matrix."""
        return cls(
            features, works, logs, text_ridge.build_matrix(encode(features, [{}] * len(features[0].names)))
        )

    def select(self, mask: NDArray[np.bool_]) -> "TrainingRows":
        """The masked rows."""
        places: list[int] = np.flatnonzero(mask).tolist()
        return TrainingRows(
            [self.features[at] for at in places],
            [self.works[at] for at in places],
            self.logs[mask],
            self.words[places],
        )


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A fitted model, before its export as a graph."""

    tables: tuple[dict[str, NameEffect], ...]
    words: text_ridge.TextRidge
    topics: lsa.LatentSemantics
    trees: boosting.BoostedTrees

    def predict(self, rows: TrainingRows) -> Doubles:
        """[n, 3] in log price: middle, low, high."""
        return self.trees.predict(self.build_inputs(rows))

    def build_inputs(self, rows: TrainingRows) -> Singles:
        """Inputs of the trees."""
        encoded = encode(rows.features, self.tables)
        return _join_inputs(encoded, self.words.score(rows.words), self.topics.transform(rows.words))


def fit(rows: TrainingRows, *, salt: str) -> FittedModel:
    """Target encodings and text scores of a row are fitted on other folds: no row sees its own price. LSA
    doesn't use prices and is fitted on all rows."""
    latent = lsa.fit_lsa(rows.words)
    places = latent.transform(rows.words)
    inputs = [
        _build_cross_fitted_inputs(rows, places, salt=f"inner {salt} {at}") for at in range(boosting.FOLDINGS)
    ]
    trees = boosting.train_boosters(inputs, rows.logs)
    return FittedModel(
        target_encoding.fit_target_encoding(rows.features, rows.logs),
        text_ridge.fit_text_ridge(rows.words, rows.logs),
        latent,
        trees,
    )


def _build_cross_fitted_inputs(rows: TrainingRows, places: Doubles, *, salt: str) -> Singles:
    """Inputs of the trees, cross-fitted: each fold by models of the other folds."""
    inner = assign_folds(rows.works, folds=INNER, salt=salt)
    x = np.zeros((len(rows.logs), len(boosting.INPUT_COLUMNS)), dtype=np.float32)
    for fold in range(INNER):
        here = inner == fold
        if not here.any() or here.all():
            continue
        others, mine = rows.select(~here), rows.select(here)
        tables = target_encoding.fit_target_encoding(others.features, others.logs)
        text = text_ridge.fit_text_ridge(others.words, others.logs).score(mine.words)
        x[here] = _join_inputs(encode(mine.features, tables), text, places[here])
    return x


@dataclass(frozen=True, slots=True)
class OutOfFoldPredictions:
    """Predictions of every row by a model that was not trained on its work; baselines likewise."""

    folds: Ints
    model: Doubles
    mean: Doubles
    median: Doubles


def predict_out_of_fold(rows: TrainingRows, *, on_progress: OnProgress) -> OutOfFoldPredictions:
    """OUTER models, each predicts the fold that it wasn't trained on."""
    folds = assign_folds(rows.works, folds=OUTER, salt="outer")
    model = np.zeros((len(rows.logs), 3))
    mean, median = np.zeros(len(rows.logs)), np.zeros(len(rows.logs))
    for fold in range(OUTER):
        here = folds == fold
        if not here.any():
            continue
        others = rows.select(~here)
        model[here] = fit(others, salt=str(fold)).predict(rows.select(here))
        mean[here], median[here] = np.mean(others.logs), np.median(others.logs)
        on_progress("folds", fold + 1, OUTER + 1)
    return OutOfFoldPredictions(folds, model, mean, median)


def _join_inputs(encoded: ModelInputs, text: Doubles, places: Doubles) -> Singles:
    return np.column_stack([encoded.x, text.astype(np.float32), places.astype(np.float32)])
