"""Trees that are not walked say what trees that are walked say."""

import math
import random
from dataclasses import dataclass, field

import numpy as np
import pytest

from bookml.forest import Forest

FEATURES = 5


@dataclass
class Grown:
    """Random trees as arrays."""

    rows: list[list[int]] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, tree: int, *, leaves: int, target: int, drawing: random.Random) -> None:
        first = len(self.rows)
        self._node(tree, 0, target)
        open_ = [0]
        for _ in range(leaves - 1):
            split = open_.pop(drawing.randrange(len(open_)))
            children = len(self.rows) - first, len(self.rows) - first + 1
            threshold = round(drawing.uniform(-2, 2), 1)
            self.rows[first + split][2:6] = [drawing.randrange(FEATURES), *children, drawing.randrange(2)]
            self.values[first + split] = threshold
            for child in children:
                self._node(tree, child, target)
                self.values[-1] = drawing.gauss(0, 1)
            open_ += children

    def _node(self, tree: int, number: int, target: int) -> None:
        self.rows.append([tree, number, -1, 0, 0, 0, target])
        self.values.append(0.5)

    def walk(self, x: np.ndarray) -> list[float]:
        told = [0.0] * (self.rows[-1][6] + 1)
        for first, row in enumerate(self.rows):
            if row[1] == 0:
                at = first
                while self.rows[at][2] >= 0:
                    _, _, feature, yes, no, missing, _ = self.rows[at]
                    value = float(x[feature])
                    is_true = bool(missing) if math.isnan(value) else value <= np.float32(self.values[at])
                    at = first + (yes if is_true else no)
                told[row[6]] += self.values[at]
        return told

    def make_forest(self) -> Forest:
        return Forest(np.array(self.rows, dtype=np.int16), np.array(self.values, dtype=np.float32))


@pytest.mark.parametrize("most", [2, 16, 17, 40, 64])
def test_lookup_equals_traversal(most: int) -> None:
    drawing, grown = random.Random(most), Grown()
    for tree in range(30):
        leaves = most if tree == 0 else drawing.randrange(1, most + 1)
        grown.add(tree, leaves=leaves, target=tree // 12, drawing=drawing)
    forest = grown.make_forest()
    numbers = np.random.default_rng(most)
    for _ in range(200):
        x = np.round(numbers.normal(0, 1.5, FEATURES), 1).astype(np.float32)  # often on a threshold itself
        x[numbers.random(FEATURES) < 0.2] = np.nan
        x[numbers.random(FEATURES) < 0.1] = np.inf
        assert forest.score(x).tolist() == pytest.approx(grown.walk(x), abs=1e-5)


def test_trees_with_more_leaves_than_bits_are_rejected() -> None:
    grown = Grown()
    grown.add(0, leaves=65, target=0, drawing=random.Random(1))
    with pytest.raises(ValueError, match="64 leaves"):
        grown.make_forest()
