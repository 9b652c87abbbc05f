"""What intervals promise, on scores whose true shares are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.conformal import COVERAGE, OTHER_CATEGORIES, compute_offsets, compute_rank, measure_coverage

TRIALS = 300


def compute_share_inside(books: int, *, seed: int) -> float:
    """The true share of uniform scores below the widening that so many of them set."""
    return compute_offsets(np.random.default_rng(seed).random(books), ["shelf"] * books)["shelf"]


@pytest.mark.parametrize("books", [80, 120, 400])
def test_coverage_of_small_categories_is_88_percent_with_high_confidence(books: int) -> None:
    shares = np.array([compute_share_inside(books, seed=seed) for seed in range(TRIALS)])
    assert np.mean(shares >= 0.88) > 0.80
    assert COVERAGE - 0.005 < np.mean(shares) < COVERAGE + 0.025


def test_rank_is_the_usual_one_with_many_books() -> None:
    assert compute_rank(2_000) == 1801
    assert [compute_rank(count) for count in (0, 1, 5)] == [0, 1, 5]


def test_reported_category_keeps_its_own_widening_without_one_fold() -> None:
    """Prices of the odd shelf lie far outside: the widening of all others would hold few of them."""
    drawing = np.random.default_rng(3)
    scores = np.concatenate([drawing.random(1_000), 5 + drawing.random(102)])
    names = ["plain"] * 1_000 + ["odd"] * 102
    folds: NDArray[np.int64] = drawing.integers(0, 5, len(scores))
    coverage = measure_coverage(scores, names, folds)
    assert coverage.by_category["odd"] > 0.85
    assert abs(coverage.overall - COVERAGE) < 0.02


def test_categories_with_few_books_share_a_widening() -> None:
    scores = np.random.default_rng(4).random(300)
    offsets = compute_offsets(scores, [f"shelf {n % 30}" for n in range(300)])
    assert offsets.keys() == {OTHER_CATEGORIES}
    assert offsets[OTHER_CATEGORIES] == sorted(scores)[compute_rank(300) - 1]
