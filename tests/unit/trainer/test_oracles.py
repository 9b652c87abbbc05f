"""Our own arithmetic against libraries that are known for it: mapie, shap, scipy."""

import numpy as np
import pytest
import shap
from mapie.regression import ConformalizedQuantileRegressor
from numpy.typing import NDArray
from scipy.stats import bootstrap
from sklearn.base import BaseEstimator, RegressorMixin
from tests.unit.trainer.test_trainer import make_rows

from trainer.conformal import COVERAGE, compute_offsets, compute_scores
from trainer.fit import TrainingRows, fit
from trainer.gate import compute_gain

Doubles = NDArray[np.float64]


class Column(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """An estimator that answers with one column of what it is asked."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.fitted_ = True

    def fit(self, x: Doubles, y: Doubles) -> "Column":
        """Nothing to learn."""
        return self

    def predict(self, x: Doubles) -> Doubles:
        """The column."""
        found: Doubles = x[:, self.at]
        return found


def test_intervals_equal_mapies_conformalized_quantiles() -> None:
    """1,000 books of one shelf: there our rank is the usual one."""
    drawing = np.random.default_rng(5)
    middle = drawing.normal(3.0, 0.5, 1_400)
    model = np.column_stack([middle, middle - drawing.uniform(0.1, 0.6, 1_400), middle + 0.3])
    logs = middle + drawing.standard_t(4, 1_400) * 0.4
    widen = compute_offsets(compute_scores(logs[:1_000], model[:1_000]), ["shelf"] * 1_000)["shelf"]
    theirs = ConformalizedQuantileRegressor(
        [Column(1), Column(2), Column(0)], confidence_level=COVERAGE, prefit=True
    ).conformalize(model[:1_000], logs[:1_000])
    _, intervals = theirs.predict_interval(model[1_000:], symmetric_correction=True)
    ours = np.column_stack([model[1_000:, 1] - widen, model[1_000:, 2] + widen])
    assert widen > 0
    assert np.abs(ours - intervals[:, :, 0]).max() < 1e-12


@pytest.fixture(scope="module")
def rows() -> TrainingRows:
    return make_rows(300, signal=True, gaps=True)


def test_explanations_equal_shaps_shapley_values(rows: TrainingRows) -> None:
    """ml-api explains with LightGBM's pred_contrib; shap walks the trees itself."""
    fitted = fit(rows, salt="shap")
    x = fitted.build_inputs(rows)[:40]
    for booster in fitted.trees.points[:2]:
        ours = np.asarray(booster.predict(x, pred_contrib=True, num_threads=1))
        explainer = shap.TreeExplainer(booster)
        assert np.abs(explainer.shap_values(x) - ours[:, :-1]).max() < 1e-6
        assert abs(float(explainer.expected_value) - ours[0, -1]) < 1e-6


def test_interval_of_the_gain_equals_scipys_bootstrap() -> None:
    """Ours draws whole works; with one book to a work scipy's paired bootstrap is the same thing."""
    drawing = np.random.default_rng(6)
    ours, theirs = drawing.normal(0, 0.4, 500), drawing.normal(0, 0.5, 500)

    def compute_gain_of(errors: Doubles, others: Doubles, axis: int = -1) -> Doubles:
        shares: Doubles = 1 - np.sqrt((errors**2).mean(axis=axis) / (others**2).mean(axis=axis))
        return shares

    found = bootstrap(
        (ours, theirs), compute_gain_of, paired=True, n_resamples=4_000, method="percentile", rng=7
    )
    told = compute_gain(ours, theirs, [str(n) for n in range(500)])
    assert told.gain == pytest.approx(float(compute_gain_of(ours, theirs)))
    assert told.low == pytest.approx(found.confidence_interval.low, abs=0.01)
    assert told.high == pytest.approx(found.confidence_interval.high, abs=0.01)


def test_works_with_many_editions_widen_the_interval() -> None:
    """Scipy, which draws books, would be too sure of it."""
    drawing = np.random.default_rng(8)
    ours, theirs = (np.repeat(drawing.normal(0, spread, 100), 5) for spread in (0.4, 0.5))
    by_work = compute_gain(ours, theirs, [str(n // 5) for n in range(500)])
    by_book = compute_gain(ours, theirs, [str(n) for n in range(500)])
    assert by_work.high - by_work.low > 1.8 * (by_book.high - by_book.low)
