"""Features -> what the model takes: numbers, and for each name how such books are priced.

`x` is float32 [n, numbers + 2 * names]; `places` int64 and `weights` float32 [n, longest], 0 where a row has
no more words. Training fills `x` with means that come from other folds; the shape and the order are the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bookml.features import NAMES, NUMBERS, Features

Floats = NDArray[np.float32]
Effect = tuple[float, float]
"""(shrunken mean of log price less the overall mean, log of 1 + number of books)."""
Table = Mapping[str, Effect]
COLUMNS: tuple[str, ...] = (*NUMBERS, *(f"{name}.{what}" for name in NAMES for what in ("effect", "count")))
"""Columns of x, in order."""

_UNSEEN: Effect = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the model takes."""

    x: Floats
    places: NDArray[np.int64]
    weights: Floats


def encoded(rows: Sequence[Features], tables: Sequence[Table]) -> Inputs:
    """`tables` has one table for each of NAMES; names that it doesn't know are unseen: effect 0, count 0."""
    x = np.empty((len(rows), len(COLUMNS)), dtype=np.float32)
    for at, row in enumerate(rows):
        cells = list(row.numbers)
        for name, table in zip(row.names, tables, strict=True):
            cells += table.get(name, _UNSEEN)
        x[at] = cells
    return Inputs(x, *words(rows))


def words(rows: Sequence[Features]) -> tuple[NDArray[np.int64], Floats]:
    """Places and weights (1 + log of the count) of the words of each row, padded to the longest."""
    longest = max((len(row.words) for row in rows), default=0) or 1
    places = np.zeros((len(rows), longest), dtype=np.int64)
    weights = np.zeros((len(rows), longest), dtype=np.float32)
    for at, row in enumerate(rows):
        if row.words:
            found = np.array(row.words, dtype=np.int64)
            places[at, : len(found)] = found[:, 0]
            weights[at, : len(found)] = 1 + np.log(found[:, 1])
    return places, weights
