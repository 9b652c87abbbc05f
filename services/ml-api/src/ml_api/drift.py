"""How far what is asked now lies from what was trained on: the population stability index by feature."""

import math
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from bookml.features import NUMBERS, Features
from ml_api.models import Line

_WINDOW = 2_000
_ENOUGH = 200
_FLOOR = 1e-4


@dataclass(slots=True)
class Drift:
    """The last rows that were asked of each model."""

    _recent: dict[str, deque[tuple[float, ...]]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=_WINDOW))
    )

    def note(self, line: Line, rows: Sequence[Features]) -> None:
        """Remember the newest."""
        self._recent[line.newest.name].extend(row.numbers for row in rows[-_WINDOW:])

    def psi(self, line: Line) -> dict[str, float]:
        """By feature; below 0.1 is calm, above 0.25 is drift. Nothing until enough was asked."""
        recent = list(self._recent[line.newest.name])
        found = {}
        for name, cuts in line.baseline.ranges.items():
            values = [row[NUMBERS.index(name)] for row in recent]
            known = [value for value in values if not math.isnan(value)]
            if len(known) >= _ENOUGH:
                found[name] = _psi(known, cuts)
        return found


def _psi(values: Sequence[float], cuts: Sequence[float]) -> float:
    """Against tenths; equal cuts are joined, since books of one value would fall into all of them."""
    edges = sorted(set(cuts))
    expected = [0.0] * (len(edges) + 1)
    for at in range(len(cuts) + 1):
        place = bisect_right(edges, cuts[at]) - 1 if at < len(cuts) else len(edges)
        expected[place] += 1 / (len(cuts) + 1)
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[_place(edges, value)] += 1
    shares = [count / len(values) for count in counts]
    pairs = [(max(s, _FLOOR), max(e, _FLOOR)) for s, e in zip(shares, expected, strict=True)]
    return round(sum((s - e) * math.log(s / e) for s, e in pairs), 4)


def _place(edges: Sequence[float], value: float) -> int:
    """Books at an edge belong below it, as in the quantiles."""
    found = bisect_right(edges, value)
    return found - 1 if found and edges[found - 1] == value else found
