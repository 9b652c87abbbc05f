"""Folds that keep all editions of a work together: a model that has seen one edition knows the others."""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def number_works(works: Sequence[str]) -> Ints:
    """A number for each work, in the order in which works sort."""
    _, numbers = np.unique(np.array(works, dtype=object).astype(str), return_inverse=True)
    return numbers.astype(np.int64)


def assign_folds(works: Sequence[str], *, folds: int, salt: str) -> Ints:
    """The fold of each row, the same for rows of one work, whatever the order of the rows."""
    digests = (sha256(f"{salt}\x1f{work}".encode()).digest()[:8] for work in works)
    return np.array([int.from_bytes(digest) % folds for digest in digests], dtype=np.int64)
