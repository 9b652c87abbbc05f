"""Gradient boosted trees (LightGBM) for the log price and for its quantiles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from bookml.encoder import COLUMNS
from trainer import lsa
from trainer.text_ridge import SCORES

INPUT_COLUMNS: tuple[str, ...] = (
    *COLUMNS,
    *(f"words.{score}" for score in SCORES),
    *(f"topics.{name}" for name in lsa.COLUMNS),
)
"""Inputs of the trees: the encoder's columns, text scores and latent axes."""
OUTER = (0.05, 0.95)
"""Raw quantiles; conformal calibration gives them their coverage."""
_SHARED: dict[str, Any] = {  # Any: LightGBM's own
    "verbosity": -1,
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "learning_rate": 0.03,
    "num_leaves": 16,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 4.0,
    "max_bin": 127,
}
FOLDINGS = 3
"""Number of cross-fitted input sets from different inner folds; one booster is trained on each."""
_ROUNDS = 500
"""Rounds for `_ROWS_FOR_ALL_ROUNDS` rows or more."""
_ROWS_FOR_ALL_ROUNDS = 3_000


@dataclass(frozen=True, slots=True)
class BoostedTrees:
    """Boosters whose mean is the log price, and one for each outer quantile."""

    points: tuple[lgb.Booster, ...]
    low: lgb.Booster
    high: lgb.Booster

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """[n, 3] in log price: middle, low, high."""
        point = sum(_predict(booster, x) for booster in self.points) / len(self.points)
        return np.column_stack([point, _predict(self.low, x), _predict(self.high, x)])


def train_boosters(inputs: Sequence[NDArray[np.float32]], logs: NDArray[np.float64]) -> BoostedTrees:
    """`inputs` has FOLDINGS input sets. The same rows give the same bits: one thread, fixed seeds."""
    share = min(1.0, len(logs) / _ROWS_FOR_ALL_ROUNDS)
    data = [_build_dataset(x, logs) for x in inputs]
    points = tuple(
        lgb.train(
            {**_SHARED, "seed": _SHARED["seed"] + at, "objective": "regression"},
            dataset,
            max(100, int(_ROUNDS * share)),
        )
        for at, dataset in enumerate(data)
    )
    quantiles = [
        lgb.train(
            {**_SHARED, "objective": "quantile", "alpha": alpha, "learning_rate": 0.05},
            data[0],
            max(60, int(200 * share)),
        )
        for alpha in OUTER
    ]
    return BoostedTrees(points, *quantiles)


def _build_dataset(x: NDArray[np.float32], logs: NDArray[np.float64]) -> lgb.Dataset:
    return lgb.Dataset(x, logs, feature_name=list(INPUT_COLUMNS), params=_SHARED, free_raw_data=False)


def _predict(booster: lgb.Booster, x: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(booster.predict(x, num_threads=1), dtype=np.float64)
