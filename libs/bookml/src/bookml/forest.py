"""Scores one row on many small trees without traversing them.

The leaves of a tree are bits of a word. Each branch, true or false, clears the bits of the leaves on its
other side; after all branches of a tree one bit remains. The result of a feature's branches depends only on
the interval between thresholds that the value is in: a table has a line for each feature and interval, with
the bits of all trees. A row is scored by combining one line per feature with AND and summing the values of
the remaining leaves. (The idea is QuickScorer's, Lucchese et al. 2015; lines by interval suit numpy.)
Traversal mispredicts every second branch: different rows cost it two to three times as much as the same row
again.
"""

from bisect import bisect_left
from threading import local

import numpy as np
from numpy.typing import NDArray

Branches = NDArray[np.int16]
"""[nodes, 7]: tree, number in its tree, feature (-1 for a leaf), child if true, child if false, whether a
missing value counts as true, target. Trees are ordered by target; children have greater numbers than
parents."""
Floats = NDArray[np.float32]
Bits = NDArray[np.uint64]
Ints = NDArray[np.int64]
_TREE, _NODE, _FEATURE, _YES, _NO, _MISSING, _TARGET = range(7)
_BY_LEAVES = ((16, np.uint16), (32, np.uint32), (64, np.uint64))
_LARGEST = 128 * 1024 * 1024  # bytes of a table; beyond it traversal is faster


_Gaps = tuple[int, list[float], int]
"""Of a feature: the line of its first interval, its thresholds, the line of a missing value."""


class Forest:
    """Compiled trees. Safe for several threads."""

    def __init__(self, branches: Branches, values: Floats) -> None:
        """`values` are thresholds (x <= value is true) and the values of leaves.

        Raises: ValueError when a tree has more than 64 leaves, or the table would be too large.
        """
        table = branches.astype(np.int64)
        leaves = table[:, _FEATURE] < 0
        starts = np.flatnonzero(table[:, _NODE] == 0)
        place: Ints = np.cumsum(leaves) - leaves  # number of a leaf among all, then in its tree
        place -= place[starts][table[:, _TREE]]
        most = int(place[leaves].max()) + 1
        kind = next((kind for largest, kind in _BY_LEAVES if most <= largest), None)
        if kind is None:
            raise ValueError("a tree has more than 64 leaves")
        self._most, self._trees = most, len(starts)
        self._worth = np.zeros(self._trees * most, dtype=np.float32)
        self._worth[table[leaves, _TREE] * most + place[leaves]] = values[leaves]
        self._first_leaves = np.arange(self._trees) * most
        self._targets = np.searchsorted(table[starts, _TARGET], np.arange(table[:, _TARGET].max() + 1))
        below = _collect_leaves(table, starts, np.where(leaves, np.uint64(1) << place.astype(np.uint64), 0))
        self._used: Ints = np.unique(table[~leaves, _FEATURE])
        self._gaps, self._table = self._compile(table, starts, values, below.astype(kind))
        self._numbers = _build_bit_numbers() if kind is np.uint16 else None
        self._scratch = local()

    def score(self, x: Floats) -> NDArray[np.float64]:
        """[targets] of one row: the sums of its leaves' values."""
        lines = [
            first + bisect_left(cuts, value) if value == value else unknown
            for (first, cuts, unknown), value in zip(self._gaps, x.take(self._used).tolist(), strict=True)
        ]
        taken, left = self._buffers
        self._table.take(lines, axis=0, out=taken, mode="clip")  # clip writes in place; all lines exist
        np.bitwise_and.reduce(taken, axis=0, out=left)
        leaf = np.log2(left).astype(np.int64) if self._numbers is None else self._numbers.take(left)
        result: NDArray[np.float64] = np.add.reduceat(
            self._worth.take(self._first_leaves + leaf), self._targets, dtype=np.float64
        )
        return result

    @property
    def _buffers(self) -> tuple[NDArray[np.unsignedinteger], NDArray[np.unsignedinteger]]:
        """Buffers of this thread: new memory for each row would cost page faults."""
        try:
            result: tuple[NDArray[np.unsignedinteger], NDArray[np.unsignedinteger]] = self._scratch.buffers
        except AttributeError:
            taken = np.empty((len(self._gaps), self._trees), self._table.dtype)
            self._scratch.buffers = result = taken, np.empty(self._trees, self._table.dtype)
        return result

    def _compile(
        self,
        node_table: Ints,
        starts: NDArray[np.intp],
        values: Floats,
        below: NDArray[np.unsignedinteger],
    ) -> tuple[list[_Gaps], NDArray[np.unsignedinteger]]:
        by_feature = [np.flatnonzero(node_table[:, _FEATURE] == feature) for feature in self._used]
        cuts = [np.unique(values[nodes]) for nodes in by_feature]
        lines = sum(len(each) + 2 for each in cuts)
        if lines * self._trees * below.itemsize > _LARGEST:
            raise ValueError("the table would be too large")
        whole = below[starts]
        table = np.tile(whole, (lines, 1))
        gaps, first = [], 0
        for nodes, thresholds in zip(by_feature, cuts, strict=True):
            tree, root = node_table[nodes, _TREE], starts[node_table[nodes, _TREE]]
            if_true, if_false = ~below[root + node_table[nodes, _NO]], ~below[root + node_table[nodes, _YES]]
            at = np.searchsorted(thresholds, values[nodes])
            size = len(thresholds) + 1
            trues, part = np.tile(whole, (size, 1)), table[first : first + size]
            np.bitwise_and.at(trues, (at, tree), if_true)
            np.bitwise_and.at(part, (at + 1, tree), if_false)
            np.bitwise_and.accumulate(part, axis=0, out=part)  # false in every interval above its threshold
            part &= np.bitwise_and.accumulate(trues[::-1], axis=0)[::-1]
            unknown = np.where(node_table[nodes, _MISSING] == 1, if_true, if_false)
            np.bitwise_and.at(table[first + size], tree, unknown)
            gaps.append((first, thresholds.tolist(), first + size))
            first += size + 1
        return gaps, table


def _collect_leaves(node_table: Ints, starts: NDArray[np.intp], bits: Bits) -> Bits:
    """Leaves below each node, bottom-up."""
    branching = node_table[:, _FEATURE] >= 0
    for number in range(int(node_table[:, _NODE].max()), -1, -1):
        nodes = np.flatnonzero((node_table[:, _NODE] == number) & branching)
        root = starts[node_table[nodes, _TREE]]
        bits[nodes] = bits[root + node_table[nodes, _YES]] | bits[root + node_table[nodes, _NO]]
    return bits


def _build_bit_numbers() -> NDArray[np.uint8]:
    """Number of the bit by word with one bit."""
    numbers = np.zeros(1 << 16, dtype=np.uint8)
    numbers[1 << np.arange(16)] = np.arange(16)
    return numbers
