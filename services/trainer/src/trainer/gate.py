"""The gate: a model may be promoted only if it beats the baseline with 95 % confidence by a margin."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from trainer.fit import OutOfFoldPredictions
from trainer.folds import assign_work_numbers

MARGIN = 0.02
"""Minimum relative gain over the baseline."""
MIN_BOOKS = 200
"""Books below which a model is never promoted."""
_RESAMPLES = 1_000
_TAIL = 2.5  # percent, on each side
_SEED = 11

Doubles = NDArray[np.float64]


class Verdict(StrEnum):
    """Verdict about the prices of a source."""

    SIGNAL = "signal"
    NOISE = "noise"
    UNSURE = "unsure"
    TOO_FEW = "too few"


@dataclass(frozen=True, slots=True)
class RelativeGain:
    """Relative decrease of RMSLE (natural log of 1 + price), with its 95 % interval."""

    gain: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class GateResult:
    """`dummy` names the better of mean and median; errors are RMSLE."""

    verdict: Verdict
    rmsle: float
    dummy: str
    dummy_rmsle: float
    gain: RelativeGain

    @property
    def passed(self) -> bool:
        """Whether the model may be promoted."""
        return self.verdict is Verdict.SIGNAL

    @property
    def score(self) -> float:
        """1 - RMSLE in decimal logs, the score of contests."""
        return 1 - self.rmsle / math.log(10)

    def format_reason(self, source: str) -> str:
        """The verdict in one sentence."""
        share = f"{abs(self.gain.gain):.1%} {'worse' if self.gain.gain < 0 else 'better'}"
        facts = (
            f"on books of {source} the model's error is {share} than that of the {self.dummy} of all prices"
            f" (RMSLE {self.rmsle:.3f} against {self.dummy_rmsle:.3f};"
            f" 95 % interval of the gain {self.gain.low:+.1%} to {self.gain.high:+.1%})"
        )
        endings = {
            Verdict.SIGNAL: "",
            Verdict.NOISE: ", so these prices carry no signal that a book's facts could tell",
            Verdict.UNSURE: f", so it isn't sure that it is better by {MARGIN:.0%}",
            Verdict.TOO_FEW: f", and fewer than {MIN_BOOKS} books can't tell more",
        }
        return facts + endings[self.verdict]


def judge_model(logs: Doubles, works: Sequence[str], predictions: OutOfFoldPredictions) -> GateResult:
    """Judge out-of-fold predictions; the bootstrap resamples whole works, not editions."""
    dummies = {"mean": predictions.mean, "median": predictions.median}
    dummy = min(dummies, key=lambda name: _compute_rmse(dummies[name], logs))
    gain = compute_gain(predictions.model[:, 0] - logs, dummies[dummy] - logs, works)
    return GateResult(
        _decide_verdict(gain, len(logs)),
        _compute_rmse(predictions.model[:, 0], logs),
        dummy,
        _compute_rmse(dummies[dummy], logs),
        gain,
    )


def compute_gain(errors: Doubles, others: Doubles, works: Sequence[str]) -> RelativeGain:
    """Paired bootstrap over works: relative decrease of the first errors."""
    groups = assign_work_numbers(works)
    squares, other_squares = (np.bincount(groups, values**2) for values in (errors, others))
    rng = np.random.default_rng(_SEED)
    size = len(squares)
    gains = []
    for _ in range(_RESAMPLES):
        drawn = np.bincount(rng.integers(0, size, size), minlength=size)
        gains.append(1 - math.sqrt(float(drawn @ squares) / max(float(drawn @ other_squares), 1e-12)))
    low, high = np.percentile(gains, [_TAIL, 100 - _TAIL])
    whole = 1 - math.sqrt(float(squares.sum()) / max(float(other_squares.sum()), 1e-12))
    return RelativeGain(whole, float(low), float(high))


def _decide_verdict(gain: RelativeGain, books: int) -> Verdict:
    if books < MIN_BOOKS:
        return Verdict.TOO_FEW
    if gain.low > MARGIN:
        return Verdict.SIGNAL
    return Verdict.NOISE if gain.high < MARGIN else Verdict.UNSURE


def _compute_rmse(predicted: Doubles, logs: Doubles) -> float:
    return float(np.sqrt(np.mean((predicted - logs) ** 2)))
