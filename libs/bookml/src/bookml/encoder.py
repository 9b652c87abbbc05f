"""Encodes features as model inputs: numbers, and for each name its effect on the price.

`x` is float32 [n, numbers + 2 * names]; `places` int64 and `weights` float32 [n, longest], padded with 0.
Training fills `x` with effects from other folds; shape and order are the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bookml.features import LONGEST_TEXT, NAMES, NUMBERS, Features

Floats = NDArray[np.float32]
NameEffect = tuple[float, float]
"""(shrunken mean of log price less the overall mean, log of 1 + number of books)."""
EffectTable = Mapping[str, NameEffect]
COLUMNS: tuple[str, ...] = (*NUMBERS, *(f"{name}.{what}" for name in NAMES for what in ("effect", "count")))
"""Columns of x, in order."""

_UNSEEN: NameEffect = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class ModelInputs:
    """Inputs of the ONNX graph."""

    x: Floats
    places: NDArray[np.int64]
    weights: Floats


_COUNTS = LONGEST_TEXT + 1
_WEIGHTS = (1 + np.log(np.maximum(np.arange(_COUNTS), 1))).astype(np.float32)
"""Weight by count."""


def encode(rows: Sequence[Features], tables: Sequence[EffectTable]) -> ModelInputs:
    """`tables` has one table for each of NAMES; an unknown name has effect 0 and count 0."""
    x = np.empty((len(rows), len(COLUMNS)), dtype=np.float32)
    for at, row in enumerate(rows):
        x[at] = encode_row(row, tables)
    return ModelInputs(x, *encode_words(rows))


def encode_row(row: Features, tables: Sequence[EffectTable]) -> list[float]:
    """One row of x."""
    cells = list(row.numbers)
    for name, table in zip(row.names, tables, strict=True):
        cells += table.get(name, _UNSEEN)
    return cells


def encode_words(rows: Sequence[Features]) -> tuple[NDArray[np.int64], Floats]:
    """Places and weights of the words of each row, padded to the longest."""
    longest = max((len(row.places) for row in rows), default=0) or 1
    places = np.zeros((len(rows), longest), dtype=np.int64)
    weights = np.zeros((len(rows), longest), dtype=np.float32)
    for at, row in enumerate(rows):
        if row.places:
            places[at, : len(row.places)] = row.places
            weights[at, : len(row.places)] = weigh_counts(row.counts)
    return places, weights


def weigh_counts(counts: Sequence[int]) -> Floats:
    """1 + log of each count."""
    return _WEIGHTS.take(counts, mode="clip")
