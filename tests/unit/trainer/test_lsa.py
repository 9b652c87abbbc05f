"""Axes of words, against numpy's own decomposition."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, random_array
from tests.unit.trainer.test_trainer import make_rows

from trainer import lsa


def make_matrix(rows: int, columns: int) -> csr_matrix:
    """With three strong directions, so that the axes are well apart."""
    drawing = np.random.default_rng(2)
    noise = random_array((rows, columns), density=0.05, rng=drawing).toarray()
    strong = sum(
        strength * np.outer(drawing.standard_normal(rows), drawing.standard_normal(columns))
        for strength in (0.9, 0.5, 0.3)
    )
    return csr_matrix(noise + strong)


def test_first_axes_are_the_singular_vectors() -> None:
    matrix = make_matrix(120, 80)
    found = lsa.compute_axes(matrix)[:, :3]
    _, _, right = np.linalg.svd(matrix.toarray(), full_matrices=False)
    assert np.abs(np.abs((found * right[:3].T).sum(axis=0)) - 1).max() < 1e-6


def test_missing_axes_are_zero() -> None:
    found = lsa.compute_axes(csr_matrix(np.outer(np.arange(1.0, 9.0), [1.0, 2.0, 0.0, 2.0])))
    assert np.abs(found[:, 0] - np.array([1, 2, 0, 2]) / 3).max() < 1e-9
    assert not found[:, 1:].any()
    assert not lsa.compute_axes(csr_matrix((5, 0))).any()
    assert not lsa.compute_axes(csr_matrix((5, 7))).any()


def test_same_books_have_the_same_axes_to_the_last_bit() -> None:
    rows = make_rows(120, signal=True)
    first, again = (lsa.fit_lsa(rows.words).transform(rows.words) for _ in range(2))
    same: NDArray[np.bool_] = first == again
    assert same.all()
    assert first.shape == (120, len(lsa.COLUMNS))
