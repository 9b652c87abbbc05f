"""Folds that keep all editions of a work together, so that no edition leaks into evaluation."""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def assign_work_numbers(works: Sequence[str]) -> Ints:
    """A number for each work, in sort order."""
    _, numbers = np.unique(np.array(works, dtype=object).astype(str), return_inverse=True)
    return numbers.astype(np.int64)


def assign_folds(works: Sequence[str], *, folds: int, salt: str) -> Ints:
    """The fold of each row by hash of its work, independent of row order."""
    digests = (sha256(f"{salt}\x1f{work}".encode()).digest()[:8] for work in works)
    return np.array([int.from_bytes(digest) % folds for digest in digests], dtype=np.int64)
