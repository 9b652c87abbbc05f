"""Target encoding: mean log price by name, shrunk towards the overall mean."""

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bookml.encoder import NameEffect
from bookml.features import NAMES, Features

_PRIOR = 1.0
"""Weight of the overall mean, in books."""


def fit_target_encoding(
    rows: Sequence[Features], logs: NDArray[np.float64]
) -> tuple[dict[str, NameEffect], ...]:
    """One table for each of NAMES, sorted by name."""
    centre = float(np.mean(logs))
    tables = []
    for place in range(len(NAMES)):
        sums: dict[str, float] = defaultdict(float)
        counts: dict[str, int] = defaultdict(int)
        for row, log in zip(rows, logs, strict=True):
            name = row.names[place]
            sums[name] += float(log) - centre
            counts[name] += 1
        tables.append(
            {
                n: (
                    _round_to_float32(sums[n] / (counts[n] + _PRIOR)),
                    _round_to_float32(math.log1p(counts[n])),
                )
                for n in sorted(sums)
            }
        )
    return tuple(tables)


def _round_to_float32(value: float) -> float:
    return float(np.float32(value))
