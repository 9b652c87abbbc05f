"""Bounds that hold however often one looks: by simulation, with scipy's own tests beside them."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from ml_api.predictions.evidence import ALPHA, BoundedMean

Doubles = NDArray[np.float64]
STREAMS, LONGEST = 1_000, 1_500
LOOKS = [*range(30, 300), *range(300, LONGEST + 1, 10)]


def draw_differences(seed: int, *, worse: float = 1.0) -> Doubles:
    """[STREAMS, LONGEST] squared log errors of two models on the same books, the one less the other: what
    both miss alike is heavy-tailed, and `worse` widens what the first misses on its own."""
    drawing = np.random.default_rng(seed)
    shape = (STREAMS, LONGEST)
    shared = 0.25 * drawing.standard_t(5, shape)
    one, other = (0.12 * drawing.standard_normal(shape) for _ in range(2))
    found: Doubles = (shared + worse * one) ** 2 - (shared + other) ** 2
    return found


def compute_sums(values: Doubles) -> tuple[Doubles, Doubles]:
    return np.cumsum(values, axis=1), np.cumsum(values * values, axis=1)


def first_calls(values: Doubles) -> list[int | None]:
    """By stream: the look at which 0 was first outside the bounds."""
    totals, squares = compute_sums(values)
    found: list[int | None] = []
    for total, square in zip(totals.tolist(), squares.tolist(), strict=True):
        means = (BoundedMean(n, total[n - 1], square[n - 1]) for n in LOOKS)
        found.append(next((mean.count for mean in means if abs(mean.value) > mean.half_width), None))
    return found


def test_repeated_looks_find_an_effect_by_chance_at_most_once_in_twenty() -> None:
    values = draw_differences(11)
    share = np.mean([call is not None for call in first_calls(values)])
    assert share <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / STREAMS)
    totals, squares = compute_sums(values)
    counts = np.array(LOOKS)
    means = totals[:, counts - 1] / counts
    errors = np.sqrt((squares[:, counts - 1] / counts - means**2) / (counts - 1))
    peeked = (2 * stats.t.sf(np.abs(means / errors), counts - 1) < ALPHA).any(axis=1).mean()
    assert peeked > 4 * ALPHA, "the usual test would do as well, and this one would be for nothing"


def test_effect_is_found_with_the_right_sign() -> None:
    values = draw_differences(12, worse=2.0)
    calls = first_calls(values)
    found = [call for call in calls if call is not None]
    assert len(found) > 0.9 * STREAMS
    assert np.median(found) < 700
    totals = np.cumsum(values, axis=1)
    wrong = [at for at, call in enumerate(calls) if call is not None and totals[at, call - 1] < 0]
    assert len(wrong) < 0.01 * STREAMS


@pytest.mark.parametrize("count", [30, 100, 500, 5_000])
def test_anytime_bound_is_little_wider_than_that_of_a_single_look(count: int) -> None:
    values = draw_differences(13)[: count // LONGEST + 1].ravel()[:count]
    mean = BoundedMean(len(values), float(values.sum()), float((values**2).sum()))
    low, high = stats.t.interval(1 - ALPHA, count - 1, loc=values.mean(), scale=stats.sem(values))
    assert 1.2 < mean.half_width / ((high - low) / 2) < 2.2
    assert mean.low < low < high < mean.high


def test_few_values_have_no_bound() -> None:
    assert BoundedMean(0, 0.0, 0.0).high == math.inf
    assert BoundedMean(29, 29.0, 29.0).low == -math.inf
    assert BoundedMean(30, 30.0, 30.0).half_width == 0.0
