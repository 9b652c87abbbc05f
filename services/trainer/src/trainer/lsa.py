"""Latent semantic analysis: the strongest axes of TF-IDF, fitted without prices.

Randomized SVD (Halko, Martinsson and Tropp 2011) with a fixed seed: the same rows give the same bits. scipy's
svds gives other bits, so that models of the same snapshot would differ from registered ones.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from trainer.text_ridge import SCORES, compute_idf, compute_tf_idf

AXES = 20
"""Axes for each of TEXTS; missing axes are 0."""
TEXTS = ("title", "description")
"""Scores of text_ridge whose words are also projected on axes."""
PLACES = tuple(list(SCORES).index(score) for score in TEXTS)
COLUMNS: tuple[str, ...] = tuple(f"{score}.{axis}" for score in TEXTS for axis in range(AXES))
"""Columns in order."""
_OVERSAMPLING = 10
_POWER_ITERATIONS = 4
_SEED = 13
_NOISE_LEVEL = 1e-6
"""Relative strength below which an axis is numerical noise."""

Doubles = NDArray[np.float64]
Singles = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LatentSemantics:
    """For each of TEXTS: idf [BUCKETS] of its words, and their components, [BUCKETS, AXES]."""

    idf: tuple[Singles, ...]
    vectors: tuple[Singles, ...]

    def transform(self, matrix: csr_matrix) -> Doubles:
        """[n, COLUMNS]; `matrix` as `text_ridge.build_matrix` returns it."""
        return np.hstack(
            [compute_tf_idf(matrix, idf) @ axes for idf, axes in zip(self.idf, self.vectors, strict=True)]
        ).astype(np.float64)


def fit_lsa(matrix: csr_matrix) -> LatentSemantics:
    """Fit the axes of these books."""
    idf = compute_idf(matrix)
    columns = tuple(idf[:, place] for place in PLACES)
    vectors = []
    for column in columns:
        used = np.flatnonzero(column)
        axes = np.zeros((len(column), AXES), dtype=np.float32)
        axes[used] = compute_axes(compute_tf_idf(matrix, column)[:, used])
        vectors.append(axes)
    return LatentSemantics(columns, tuple(vectors))


def compute_axes(rows: csr_matrix) -> Doubles:
    """[columns, AXES]: the right singular vectors, strongest first; the largest component of each is
    positive."""
    count, columns = rows.shape
    size = min(AXES + _OVERSAMPLING, count, columns)
    axes = np.zeros((columns, AXES))
    if not size or not rows.nnz:
        return axes
    basis, _ = np.linalg.qr(rows @ np.random.default_rng(_SEED).standard_normal((columns, size)))
    for _ in range(_POWER_ITERATIONS):
        across, _ = np.linalg.qr(rows.T @ basis)
        basis, _ = np.linalg.qr(rows @ across)
    _, strengths, right = np.linalg.svd((rows.T @ basis).T, full_matrices=False)
    count_of_axes = min(AXES, int(np.sum(strengths > _NOISE_LEVEL * strengths[0])))
    right = right[:count_of_axes]
    signs = np.sign(right[np.arange(count_of_axes), np.abs(right).argmax(axis=1)])
    axes[:, :count_of_axes] = (right * signs[:, None]).T
    return axes
