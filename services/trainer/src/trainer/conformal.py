"""Calibrated intervals: conformalized quantiles by category (Mondrian).

Raw quantile intervals have too low a coverage. The distances of other folds' prices outside of them give the
widening; categories with enough books have their own.

With few books the usual rank has its coverage only on average over samples. So the rank is raised until the
category's own coverage is likely enough: for n exchangeable scores the share below the k-th smallest is
Beta(k, n + 1 - k) (Vovk 2012). From 300 books on both ranks are equal.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincc

COVERAGE = 0.90
OTHER_CATEGORIES = ""
_JUDGED = 100
"""Books that a category needs for its coverage to be reported."""
_OWN = 60
"""Books that a category needs for its own widening; fewer than above, because one of five folds is left out
when the widening is evaluated."""
_LEAST, _SURE = 0.88, 0.85
"""Minimum coverage of a category, and its probability."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MeasuredCoverage:
    """Share of prices inside the intervals, on folds that the widening wasn't fitted on."""

    overall: float
    worst: float
    worst_category: str
    by_category: dict[str, float]


def compute_scores(logs: Doubles, model: Doubles) -> Doubles:
    """Distance of each price outside its raw interval; negative inside. `model` is [n, 3]."""
    return np.maximum(
        np.minimum(model[:, 1], model[:, 0]) - logs, logs - np.maximum(model[:, 2], model[:, 0])
    )


def compute_offsets(scores: Doubles, categories: Sequence[str]) -> dict[str, float]:
    """Widening in log price by category; OTHERS stands for categories with too few books."""
    counts = Counter(categories)
    own = {name for name, count in counts.items() if count >= _OWN}
    by_category: dict[str, list[float]] = {OTHER_CATEGORIES: []}
    for score, name in zip(scores, categories, strict=True):
        by_category.setdefault(name if name in own else OTHER_CATEGORIES, []).append(float(score))
    every = _compute_quantile(list(map(float, scores)))
    rest = by_category[OTHER_CATEGORIES]
    own_offsets = {
        name: _compute_quantile(values)
        for name, values in sorted(by_category.items())
        if name != OTHER_CATEGORIES
    }
    return {OTHER_CATEGORIES: _compute_quantile(rest) if len(rest) >= _OWN else every, **own_offsets}


def measure_coverage(
    scores: Doubles, categories: Sequence[str], folds: NDArray[np.int64]
) -> MeasuredCoverage:
    """Coverage on each fold with the widening of the other folds."""
    inside = np.zeros(len(scores), dtype=bool)
    for fold in np.unique(folds):
        here = folds == fold
        others = compute_offsets(scores[~here], [c for c, h in zip(categories, here, strict=True) if not h])
        for at in np.flatnonzero(here).tolist():
            inside[at] = scores[at] <= others.get(categories[at], others[OTHER_CATEGORIES])
    names = np.array(categories, dtype=object)
    reported = [name for name, count in Counter(categories).items() if count >= _JUDGED] or [OTHER_CATEGORIES]
    shares = {
        n: float(np.mean(inside[names == n])) if n else float(np.mean(inside)) for n in sorted(reported)
    }
    worst = min(shares, key=lambda name: (shares[name], name))
    return MeasuredCoverage(float(np.mean(inside)), shares[worst], worst, shares)


def compute_spread(logs: Doubles) -> tuple[float, float]:
    """Interval of the baseline: the central COVERAGE of all log prices."""
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(logs, [tail, 1 - tail])
    return float(low), float(high)


def _compute_quantile(scores: list[float]) -> float:
    ordered = sorted(scores)
    return ordered[compute_rank(len(ordered)) - 1] if ordered else 0.0


def compute_rank(count: int) -> int:
    """Rank of the score (from 1) that is the widening; the last where there are too few."""
    rank = math.ceil((count + 1) * COVERAGE)
    while rank < count and betaincc(rank, count + 1 - rank, _LEAST) < _SURE:
        rank += 1
    return min(rank, count)
