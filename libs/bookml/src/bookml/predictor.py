"""A loaded model: facts in, price and interval out. One thread: trees on one row gain nothing from more."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from bookcore.domain.errors import Invalid
from bookml.artifact import FACTS, MODEL, Files, ModelFacts, accepted, facts_of_model
from bookml.encoder import encoded
from bookml.facts import Facts
from bookml.features import NAMES, Features, features_of

_CATEGORY = NAMES.index("category")
_BLOCK = 512
"""Rows that go through the graph together: a row of many words takes some hundred kilobytes there."""
_HIGHEST = 20.0  # log of the largest price that is ever told; beyond it exp() would only make nonsense


@dataclass(frozen=True, slots=True)
class Estimate:
    """A price in major units with the interval that holds the true one with the model's coverage."""

    price: float
    low: float
    high: float


class Predictor:
    """Safe for several threads."""

    def __init__(self, files: Files) -> None:
        """Raises: Invalid when the files make no model; check their digests first."""
        accepted(files)
        self.facts: ModelFacts = facts_of_model(files[FACTS])
        self._tables = self.facts.as_tables()
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(files[MODEL], options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has no root of its own errors
            raise Invalid("can't be opened as an ONNX model", field=MODEL) from error
        wanted = {"x", "places", "weights"}
        if {given.name for given in self._session.get_inputs()} != wanted:
            raise Invalid(f"doesn't take {', '.join(sorted(wanted))}", field=MODEL)

    def predict(self, books: Sequence[Facts]) -> list[Estimate]:
        """One estimate for each book."""
        return self.estimate([features_of(facts) for facts in books])

    def estimate(self, rows: Sequence[Features]) -> list[Estimate]:
        """One estimate for each row; the interval always holds the price."""
        if not rows:
            return []
        point, low, high = self.logs(rows).T
        found = []
        for at, row in enumerate(rows):
            widen = self._offset(row.names[_CATEGORY])
            middle = float(point[at])
            bottom, top = min(float(low[at]) - widen, middle), max(float(high[at]) + widen, middle)
            found.append(Estimate(_price(middle), _price(bottom), _price(top)))
        return found

    def logs(self, rows: Sequence[Features]) -> NDArray[np.float32]:
        """[n, 3]: log price and the two raw quantiles, as the graph gives them."""
        return self._run("logs", rows)

    def joined(self, rows: Sequence[Features]) -> NDArray[np.float32]:
        """What the trees are given: x and the scores of the words."""
        return self._run("joined", rows)

    def _run(self, output: str, rows: Sequence[Features]) -> NDArray[np.float32]:
        told = [self._run_block(output, rows[at : at + _BLOCK]) for at in range(0, max(1, len(rows)), _BLOCK)]
        return np.concatenate(told)

    def _run_block(self, output: str, rows: Sequence[Features]) -> NDArray[np.float32]:
        given = encoded(rows, self._tables)
        told = self._session.run([output], {"x": given.x, "places": given.places, "weights": given.weights})
        return np.asarray(told[0], dtype=np.float32)

    @property
    def baseline(self) -> Estimate:
        """What is told of any book when the model is refused."""
        return baseline_of(self.facts)

    def _offset(self, category: str) -> float:
        offsets = self.facts.offsets
        return offsets.get(category, offsets[""])


def baseline_of(facts: ModelFacts) -> Estimate:
    """The middle of all prices, and the interval that holds most of them."""
    return Estimate(_price(facts.centre), _price(facts.spread[0]), _price(facts.spread[1]))


def _price(log: float) -> float:
    return round(max(math.expm1(min(log, _HIGHEST)), 0.0), 2)
