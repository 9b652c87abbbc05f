"""One model from rows, and predictions for rows that it hasn't seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bookml.encoder import Effect, Inputs, encoded
from bookml.features import Features
from trainer import boosting as boost
from trainer import lsa as topics
from trainer import target_encoding as effects
from trainer import text_ridge as words
from trainer.folds import Ints, folds_of

INNER = 5
OUTER = 5
Doubles = NDArray[np.float64]
Singles = NDArray[np.float32]
Progress = Callable[[str, int, int], None]
"""(what, done, of)."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Books to learn from; `words` is the matrix of `features`, row by row."""

    features: Sequence[Features]
    works: Sequence[str]
    logs: Doubles
    words: csr_matrix

    @classmethod
    def of(cls, features: Sequence[Features], works: Sequence[str], logs: Doubles) -> "Rows":
        """With the matrix made."""
        return cls(features, works, logs, words.matrix_of(encoded(features, [{}] * len(features[0].names))))

    def at(self, mask: NDArray[np.bool_]) -> "Rows":
        """Those rows."""
        places: list[int] = np.flatnonzero(mask).tolist()
        return Rows(
            [self.features[at] for at in places],
            [self.works[at] for at in places],
            self.logs[mask],
            self.words[places],
        )


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model before it is written as a graph."""

    tables: tuple[dict[str, Effect], ...]
    words: words.WordModel
    topics: topics.Topics
    trees: boost.Trees

    def predict(self, rows: Rows) -> Doubles:
        """[n, 3] in log price: middle, low, high."""
        return self.trees.predict(self.inputs(rows))

    def inputs(self, rows: Rows) -> Singles:
        """What the trees are given."""
        made = encoded(rows.features, self.tables)
        return _joined(made, self.words.score(rows.words), self.topics.told(rows.words))


def fit(rows: Rows, *, salt: str) -> Fitted:
    """Means and words that the trees learn from come from other folds than the row's own: no row sees its
    own price. Topics know nothing of prices and come from all rows."""
    found = topics.found(rows.words)
    places = found.told(rows.words)
    made = [_crossed(rows, places, salt=f"inner {salt} {at}") for at in range(boost.FOLDINGS)]
    trees = boost.grown(made, rows.logs)
    return Fitted(effects.fitted(rows.features, rows.logs), words.fitted(rows.words, rows.logs), found, trees)


def _crossed(rows: Rows, places: Doubles, *, salt: str) -> Singles:
    """The trees' inputs, fold by fold from the other folds."""
    inner = folds_of(rows.works, folds=INNER, salt=salt)
    x = np.zeros((len(rows.logs), len(boost.INPUT_COLUMNS)), dtype=np.float32)
    for fold in range(INNER):
        here = inner == fold
        if not here.any() or here.all():
            continue
        others, mine = rows.at(~here), rows.at(here)
        tables = effects.fitted(others.features, others.logs)
        text = words.fitted(others.words, others.logs).score(mine.words)
        x[here] = _joined(encoded(mine.features, tables), text, places[here])
    return x


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Predictions for every row by a model that saw no edition of its work; the dummies likewise."""

    folds: Ints
    model: Doubles
    mean: Doubles
    median: Doubles


def out_of_fold(rows: Rows, *, show: Progress) -> OutOfFold:
    """OUTER models, each tried on the fold that it hasn't seen."""
    folds = folds_of(rows.works, folds=OUTER, salt="outer")
    model = np.zeros((len(rows.logs), 3))
    mean, median = np.zeros(len(rows.logs)), np.zeros(len(rows.logs))
    for fold in range(OUTER):
        here = folds == fold
        if not here.any():
            continue
        others = rows.at(~here)
        model[here] = fit(others, salt=str(fold)).predict(rows.at(here))
        mean[here], median[here] = np.mean(others.logs), np.median(others.logs)
        show("folds", fold + 1, OUTER + 1)
    return OutOfFold(folds, model, mean, median)


def _joined(made: Inputs, text: Doubles, places: Doubles) -> Singles:
    return np.column_stack([made.x, text.astype(np.float32), places.astype(np.float32)])
