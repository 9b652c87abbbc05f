"""The gate's verdict on out-of-fold predictions, without training."""

import math

import numpy as np
import pytest

from trainer.fit import OutOfFoldPredictions
from trainer.gate import (
    MARGIN,
    MIN_BOOKS,
    Doubles,
    GateResult,
    RelativeGain,
    Verdict,
    compute_gain,
    judge_model,
)

BOOKS = 400
WORKS = [str(number) for number in range(BOOKS)]
LOGS = np.tile([1.0, 3.0], BOOKS // 2)


def predict(model: Doubles, *, mean: float = 2.0, median: float = 2.5) -> OutOfFoldPredictions:
    """The model's predictions beside constant baselines."""
    size = len(model)
    folds = np.zeros(size, dtype=np.int64)
    return OutOfFoldPredictions(
        folds, np.column_stack([model] * 3), np.full(size, mean), np.full(size, median)
    )


def test_gain_is_the_relative_decrease_of_the_error() -> None:
    gain = compute_gain(np.full(50, 0.1), np.full(50, 0.2), WORKS[:50])
    assert (gain.gain, gain.low, gain.high) == pytest.approx((0.5, 0.5, 0.5))


def test_gain_of_equal_errors_has_an_interval_around_zero() -> None:
    gain = compute_gain(np.tile([0.1, 0.2], 25), np.tile([0.2, 0.1], 25), WORKS[:50])
    assert gain.gain == pytest.approx(0.0)
    assert -0.3 < gain.low < -0.1
    assert 0.1 < gain.high < 0.3
    assert gain == compute_gain(np.tile([0.1, 0.2], 25), np.tile([0.2, 0.1], 25), WORKS[:50])


def test_editions_of_one_work_are_resampled_together() -> None:
    errors, others = np.tile([0.1, 0.2], 25), np.tile([0.2, 0.1], 25)
    apart = compute_gain(errors, others, WORKS[:50])
    together = compute_gain(errors, others, [str(number // 25) for number in range(50)])
    assert together.high - together.low < apart.high - apart.low


def test_an_error_free_baseline_is_no_division_by_zero() -> None:
    gain = compute_gain(np.full(10, 0.1), np.zeros(10), WORKS[:10])
    assert gain.gain < -1_000


@pytest.mark.parametrize(
    ("model", "verdict"),
    [
        (LOGS * 0.9 + 0.2, Verdict.SIGNAL),
        (np.full(BOOKS, 2.0), Verdict.NOISE),
        (np.where(np.arange(BOOKS) % 37 == 0, LOGS, 2.0), Verdict.UNSURE),
    ],
    ids=["clear", "none", "slight"],
)
def test_verdict_follows_the_interval_of_the_gain(model: Doubles, verdict: Verdict) -> None:
    result = judge_model(LOGS, WORKS, predict(model))
    assert (result.verdict, result.passed) == (verdict, verdict is Verdict.SIGNAL)


def test_result_compares_with_the_better_baseline() -> None:
    result = judge_model(LOGS, WORKS, predict(LOGS + 0.5))
    assert (result.dummy, result.dummy_rmsle, result.rmsle) == ("mean", 1.0, 0.5)
    assert result.score == pytest.approx(1 - 0.5 / math.log(10))
    assert judge_model(LOGS, WORKS, predict(LOGS, mean=9.0)).dummy == "median"


@pytest.mark.parametrize(
    ("books", "verdict"), [(MIN_BOOKS, Verdict.SIGNAL), (MIN_BOOKS - 1, Verdict.TOO_FEW)]
)
def test_a_model_of_few_books_never_passes(books: int, verdict: Verdict) -> None:
    logs = LOGS[:books]
    assert judge_model(logs, WORKS[:books], predict(logs * 0.9 + 0.2)).verdict is verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (MARGIN + 0.001, 0.5, Verdict.SIGNAL),
        (MARGIN, 0.5, Verdict.UNSURE),
        (-0.1, MARGIN, Verdict.UNSURE),
        (-0.1, MARGIN - 0.001, Verdict.NOISE),
    ],
)
def test_reason_names_figures_and_verdict(low: float, high: float, verdict: Verdict) -> None:
    result = GateResult(verdict, 0.5, "mean", 1.0, RelativeGain(-0.25, low, high))
    reason = result.format_reason("shop")
    assert reason.startswith("on books of shop the model's error is 25.0% worse than that of the mean of all")
    assert "(RMSLE 0.500 against 1.000;" in reason
    assert f"{low:+.1%} to {high:+.1%})" in reason
    assert ("no signal" in reason, "isn't sure" in reason) == (
        verdict is Verdict.NOISE,
        verdict is Verdict.UNSURE,
    )
