"""Intervals that hold what they promise: conformalized quantiles, by category (Mondrian).

A raw quantile interval misses more than it says. How far prices of other folds lay outside of it says how
much to widen it; categories with enough books have their own widening.

From few books the usual rank holds its promise only on the average over such draws. So the rank is raised
until this category's own share is surely enough: for n exchangeable scores the share below the k-th smallest
is Beta(k, n + 1 - k) (Vovk 2012). From 300 books on both ranks are the same.
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
"""Books that a category needs for its coverage to be judged."""
_OWN = 60
"""Books that it needs for a widening of its own. Fewer than above: of a category that is judged, one fold of
five is away when the widening is tried."""
_LEAST, _SURE = 0.88, 0.85
"""The share of a category that must be inside, and how sure that must be."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MeasuredCoverage:
    """Share of prices inside the intervals, tried on folds that the widening hasn't seen."""

    overall: float
    worst: float
    worst_category: str
    by_category: dict[str, float]


def compute_scores(logs: Doubles, model: Doubles) -> Doubles:
    """How far each price lies outside its raw interval; negative inside. `model` is [n, 3]."""
    return np.maximum(
        np.minimum(model[:, 1], model[:, 0]) - logs, logs - np.maximum(model[:, 2], model[:, 0])
    )


def compute_offsets(scores: Doubles, categories: Sequence[str]) -> dict[str, float]:
    """Widening in log price by category; OTHERS stands for all that have too few books."""
    counts = Counter(categories)
    own = {name for name, count in counts.items() if count >= _OWN}
    by_category: dict[str, list[float]] = {OTHER_CATEGORIES: []}
    for score, name in zip(scores, categories, strict=True):
        by_category.setdefault(name if name in own else OTHER_CATEGORIES, []).append(float(score))
    every = _compute_quantile(list(map(float, scores)))
    rest = by_category[OTHER_CATEGORIES]
    found = {
        name: _compute_quantile(values)
        for name, values in sorted(by_category.items())
        if name != OTHER_CATEGORIES
    }
    return {OTHER_CATEGORIES: _compute_quantile(rest) if len(rest) >= _OWN else every, **found}


def measure_coverage(
    scores: Doubles, categories: Sequence[str], folds: NDArray[np.int64]
) -> MeasuredCoverage:
    """What the intervals hold on each fold when the other folds set the widening."""
    inside = np.zeros(len(scores), dtype=bool)
    for fold in np.unique(folds):
        here = folds == fold
        others = compute_offsets(scores[~here], [c for c, h in zip(categories, here, strict=True) if not h])
        for at in np.flatnonzero(here).tolist():
            inside[at] = scores[at] <= others.get(categories[at], others[OTHER_CATEGORIES])
    names = np.array(categories, dtype=object)
    judged = [name for name, count in Counter(categories).items() if count >= _JUDGED] or [OTHER_CATEGORIES]
    shares = {n: float(np.mean(inside[names == n])) if n else float(np.mean(inside)) for n in sorted(judged)}
    worst = min(shares, key=lambda name: (shares[name], name))
    return MeasuredCoverage(float(np.mean(inside)), shares[worst], worst, shares)


def compute_spread(logs: Doubles) -> tuple[float, float]:
    """The interval of the baseline: the middle COVERAGE of all log prices."""
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(logs, [tail, 1 - tail])
    return float(low), float(high)


def _compute_quantile(scores: list[float]) -> float:
    ordered = sorted(scores)
    return ordered[compute_rank(len(ordered)) - 1] if ordered else 0.0


def compute_rank(count: int) -> int:
    """Which of so many scores, in order from 1, is the widening; the last where there are too few."""
    rank = math.ceil((count + 1) * COVERAGE)
    while rank < count and betaincc(rank, count + 1 - rank, _LEAST) < _SURE:
        rank += 1
    return min(rank, count)
