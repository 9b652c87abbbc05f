"""Ridge regression of log price on TF-IDF of hashed words, solved by LSQR."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import lsqr

from bookml.encoder import ModelInputs
from bookml.features import BUCKETS, PARTS

SCORES: dict[str, tuple[str, ...]] = {
    "names": ("names",),
    "title": ("names", "title"),
    "description": ("description",),
    "all": ("names", "title", "description"),
}
"""One ridge for each score: the parts of a book that it reads."""
_DAMP = 0.85
_STEPS = 60

Doubles = NDArray[np.float64]
Singles = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TextRidge:
    """Score of a text: centre + sum of weight * idf * coefficient, divided by the length of the text's
    vector.

    `idf` and `coefficients` are [BUCKETS, SCORES]; buckets that a score doesn't read have idf 0.
    """

    idf: Singles
    coefficients: Singles
    centre: float

    def score(self, matrix: csr_matrix) -> Doubles:
        """[n, SCORES] predicted log prices; `matrix` as `build_matrix` returns it."""
        columns = [
            compute_tf_idf(matrix, self.idf[:, at]) @ self.coefficients[:, at].astype(np.float64)
            for at in range(len(SCORES))
        ]
        return np.column_stack(columns) + self.centre


def build_matrix(inputs: ModelInputs) -> csr_matrix:
    """[n, BUCKETS]: weights of words."""
    present = inputs.weights > 0
    pointers = np.concatenate([[0], np.cumsum(present.sum(axis=1))])
    shape = (len(inputs.weights), BUCKETS)
    data = inputs.weights[present].astype(np.float64)
    return csr_matrix((data, inputs.places[present], pointers), shape=shape)


def fit_text_ridge(matrix: csr_matrix, logs: Doubles) -> TextRidge:
    """Deterministic: the same rows and prices give the same bits."""
    centre = float(np.float32(np.mean(logs)))
    idf = compute_idf(matrix)
    coefficients = np.zeros_like(idf)
    for at in range(len(SCORES)):
        used = np.flatnonzero(idf[:, at])  # most buckets are empty; shorter vectors make LSQR faster
        if len(used):
            tf_idf = compute_tf_idf(matrix, idf[:, at])[:, used]
            coefficients[used, at] = lsqr(tf_idf, logs - centre, damp=_DAMP, iter_lim=_STEPS)[0]
    return TextRidge(idf, coefficients, centre)


def compute_idf(matrix: csr_matrix) -> Singles:
    """[BUCKETS, SCORES]; words that occur once or never have idf 0."""
    rows = matrix.shape[0]
    counts = np.bincount(matrix.indices, minlength=BUCKETS)
    rare = np.where(counts > 1, np.log((1 + rows) / (1 + counts)) + 1, 0.0).astype(np.float32)
    idf = np.zeros((BUCKETS, len(SCORES)), dtype=np.float32)
    for at, parts in enumerate(SCORES.values()):
        for part in parts:
            places = PARTS[part]
            idf[places.start : places.stop, at] = rare[places.start : places.stop]
    return idf


def compute_tf_idf(matrix: csr_matrix, idf: Singles) -> csr_matrix:
    """TF-IDF with rows of length 1."""
    data = matrix.data * idf[matrix.indices]
    squares = csr_matrix((data * data, matrix.indices, matrix.indptr), shape=matrix.shape)
    lengths = np.sqrt(np.asarray(squares.sum(axis=1)).ravel())
    lengths[lengths == 0] = 1.0
    relative = data / np.repeat(lengths, np.diff(matrix.indptr))
    return csr_matrix((relative, matrix.indices, matrix.indptr), shape=matrix.shape)
