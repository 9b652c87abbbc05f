"""Drift of requested features against training data: population stability index (PSI), and Kolmogorov-Smirnov
distance (KS) on deciles."""

import math
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bookml.features import NUMBERS, Features
from ml_api.models.served_models import ServedModel

_WINDOW = 2_000
_MIN_ROWS = 200
_FLOOR = 1e-4


@dataclass(slots=True)
class InputDrift:
    """The newest requested rows of each model."""

    _recent: dict[str, deque[tuple[float, ...]]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=_WINDOW))
    )

    def record(self, model: ServedModel, rows: Sequence[Features]) -> None:
        """Add the newest rows."""
        self._recent[model.newest.name].extend(row.numbers for row in rows[-_WINDOW:])

    def compute_psi(self, model: ServedModel) -> dict[str, float]:
        """PSI by feature; below 0.1 is stable, above 0.25 is drift. Empty before enough rows."""
        return {name: compute_psi_value(values, cuts) for name, values, cuts in self._list_values(model)}

    def compute_ks(self, model: ServedModel) -> dict[str, float]:
        """KS distance by feature, 0 to 1; above 0.3 is drift. Empty before enough rows."""
        return {name: compute_ks_distance(values, cuts) for name, values, cuts in self._list_values(model)}

    def _list_values(self, model: ServedModel) -> Iterator[tuple[str, list[float], Sequence[float]]]:
        recent = list(self._recent[model.newest.name])
        for name, cuts in model.baseline.ranges.items():
            values = [row[NUMBERS.index(name)] for row in recent]
            present = [value for value in values if not math.isnan(value)]
            if len(present) >= _MIN_ROWS and cuts:
                yield name, present, cuts


def compute_ks_distance(values: Sequence[float], cuts: Sequence[float]) -> float:
    """Largest distance of the two distributions at the deciles: at most 0.1 below the exact one."""
    ordered = sorted(values)
    shares = {cut: (at + 1) / (len(cuts) + 1) for at, cut in enumerate(cuts)}  # of equal cuts the last
    return round(max(abs(bisect_right(ordered, c) / len(ordered) - s) for c, s in shares.items()), 4)


def compute_psi_value(values: Sequence[float], cuts: Sequence[float]) -> float:
    """PSI against deciles; equal deciles are merged."""
    edges = sorted(set(cuts))
    expected = [0.0] * (len(edges) + 1)
    for at in range(len(cuts) + 1):
        place = bisect_right(edges, cuts[at]) - 1 if at < len(cuts) else len(edges)
        expected[place] += 1 / (len(cuts) + 1)
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[_find_bin(edges, value)] += 1
    shares = [count / len(values) for count in counts]
    pairs = [(max(s, _FLOOR), max(e, _FLOOR)) for s, e in zip(shares, expected, strict=True)]
    return round(sum((s - e) * math.log(s / e) for s, e in pairs), 4)


def _find_bin(edges: Sequence[float], value: float) -> int:
    """A value at an edge belongs to the bin below it, like in the quantiles."""
    place = bisect_right(edges, value)
    return place - 1 if place and edges[place - 1] == value else place
