"""Intervals that hold what they promise: conformalized quantiles, by category (Mondrian).

A raw quantile interval misses more than it says. How far prices of other folds lay outside of it says how
much to widen it; categories with enough books have their own widening.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COVERAGE = 0.90
OTHERS = ""
_ENOUGH = 100
"""Books that a category needs for a widening of its own, and for its coverage to be judged."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Share of prices inside the intervals, tried on folds that the widening hasn't seen."""

    overall: float
    worst: float
    worst_category: str
    by_category: dict[str, float]


def scores_of(logs: Doubles, model: Doubles) -> Doubles:
    """How far each price lies outside its raw interval; negative inside. `model` is [n, 3]."""
    return np.maximum(
        np.minimum(model[:, 1], model[:, 0]) - logs, logs - np.maximum(model[:, 2], model[:, 0])
    )


def offsets_of(scores: Doubles, categories: Sequence[str]) -> dict[str, float]:
    """Widening in log price by category; OTHERS stands for all that have too few books."""
    counts = Counter(categories)
    own = {name for name, count in counts.items() if count >= _ENOUGH}
    by_category: dict[str, list[float]] = {OTHERS: []}
    for score, name in zip(scores, categories, strict=True):
        by_category.setdefault(name if name in own else OTHERS, []).append(float(score))
    every = _quantile(list(map(float, scores)))
    rest = by_category[OTHERS]
    found = {name: _quantile(values) for name, values in sorted(by_category.items()) if name != OTHERS}
    return {OTHERS: _quantile(rest) if len(rest) >= _ENOUGH else every, **found}


def coverage_of(scores: Doubles, categories: Sequence[str], folds: NDArray[np.int64]) -> Coverage:
    """What the intervals hold on each fold when the other folds set the widening."""
    inside = np.zeros(len(scores), dtype=bool)
    for fold in np.unique(folds):
        here = folds == fold
        others = offsets_of(scores[~here], [c for c, h in zip(categories, here, strict=True) if not h])
        for at in np.flatnonzero(here).tolist():
            inside[at] = scores[at] <= others.get(categories[at], others[OTHERS])
    names = np.array(categories, dtype=object)
    judged = [name for name, count in Counter(categories).items() if count >= _ENOUGH] or [OTHERS]
    shares = {n: float(np.mean(inside[names == n])) if n else float(np.mean(inside)) for n in sorted(judged)}
    worst = min(shares, key=lambda name: (shares[name], name))
    return Coverage(float(np.mean(inside)), shares[worst], worst, shares)


def spread_of(logs: Doubles) -> tuple[float, float]:
    """The interval of the baseline: the middle COVERAGE of all log prices."""
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(logs, [tail, 1 - tail])
    return float(low), float(high)


def _quantile(scores: list[float]) -> float:
    """With the correction for how few there are, so that the promise holds for the next book."""
    rank = math.ceil((len(scores) + 1) * COVERAGE)
    ordered = sorted(scores)
    return ordered[min(rank, len(ordered)) - 1] if ordered else 0.0
