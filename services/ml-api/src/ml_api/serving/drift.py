"""How far what is asked now lies from what was trained on, by feature: the population stability index, and
the Kolmogorov-Smirnov distance as far as tenths tell it."""

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
    """The last rows that were asked of each model."""

    _recent: dict[str, deque[tuple[float, ...]]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=_WINDOW))
    )

    def record(self, line: ServedModel, rows: Sequence[Features]) -> None:
        """Remember the newest."""
        self._recent[line.newest.name].extend(row.numbers for row in rows[-_WINDOW:])

    def compute_psi(self, line: ServedModel) -> dict[str, float]:
        """By feature; below 0.1 is calm, above 0.25 is drift. Nothing until enough was asked."""
        return {name: compute_psi_value(values, cuts) for name, values, cuts in self._list_values(line)}

    def compute_ks(self, line: ServedModel) -> dict[str, float]:
        """By feature, 0 to 1; above 0.3 is drift. Nothing until enough was asked."""
        return {name: compute_ks_distance(values, cuts) for name, values, cuts in self._list_values(line)}

    def _list_values(self, line: ServedModel) -> Iterator[tuple[str, list[float], Sequence[float]]]:
        recent = list(self._recent[line.newest.name])
        for name, cuts in line.baseline.ranges.items():
            values = [row[NUMBERS.index(name)] for row in recent]
            known = [value for value in values if not math.isnan(value)]
            if len(known) >= _MIN_ROWS and cuts:
                yield name, known, cuts


def compute_ks_distance(values: Sequence[float], cuts: Sequence[float]) -> float:
    """The largest distance of the two distributions at the cuts: at most a tenth below the true one."""
    ordered = sorted(values)
    shares = {cut: (at + 1) / (len(cuts) + 1) for at, cut in enumerate(cuts)}  # of equal cuts the last
    return round(max(abs(bisect_right(ordered, c) / len(ordered) - s) for c, s in shares.items()), 4)


def compute_psi_value(values: Sequence[float], cuts: Sequence[float]) -> float:
    """Against tenths; equal cuts are joined, since books of one value would fall into all of them."""
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
    """Books at an edge belong below it, as in the quantiles."""
    found = bisect_right(edges, value)
    return found - 1 if found and edges[found - 1] == value else found
