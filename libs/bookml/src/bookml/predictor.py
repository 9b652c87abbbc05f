"""A loaded model: facts in, price and interval out. One thread: trees on one row gain nothing from more.

Many rows go through the graph. A few go a quicker way, made of the graph's own constants where it has them:
the scores of the words by numpy, the trees by bookml.forest. Both say the same; that is tried when a model is
opened.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
import structlog
from numpy.typing import NDArray

from bookcore.domain.errors import Invalid
from bookml.artifact import FACTS, MODEL, Files, ModelFacts, accepted, facts_of_model
from bookml.encoder import Floats, cells, encoded, weighed
from bookml.facts import Facts
from bookml.features import BUCKETS, NAMES, NUMBERS, Features, features_of
from bookml.forest import Forest

_CATEGORY = NAMES.index("category")
_BLOCK = 512
"""Rows that go through the graph together: a row of many words takes some hundred kilobytes there."""
_HIGHEST = 20.0  # log of the largest price that is ever told; beyond it exp() would only make nonsense
_CONSTANTS = ("idf", "terms", "score_of", "centre", "branches", "values")
_FEW = 16
"""Rows up to which the quick way is quicker."""
_TRIED, _CLOSE = 32, 1e-4
_TINY = np.float32(1e-12)
_log = structlog.get_logger()


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
        self._quick = self._quicker()

    def predict(self, books: Sequence[Facts]) -> list[Estimate]:
        """One estimate for each book."""
        return self.estimate([features_of(facts) for facts in books])

    def estimate(self, rows: Sequence[Features]) -> list[Estimate]:
        """One estimate for each row; the interval always holds the price."""
        if self._quick is not None and len(rows) <= _FEW:
            return [self._estimate(row, *self._quick.logs(row)) for row in rows]
        if not rows:
            return []
        return [self._estimate(row, *logs) for row, logs in zip(rows, self.logs(rows).tolist(), strict=True)]

    def _estimate(self, row: Features, middle: float, low: float, high: float) -> Estimate:
        offsets = self.facts.offsets
        widen = offsets.get(row.names[_CATEGORY], offsets[""])
        return Estimate(_price(middle), _price(min(low - widen, middle)), _price(max(high + widen, middle)))

    def logs(self, rows: Sequence[Features]) -> Floats:
        """[n, 3]: log price and the two raw quantiles, as the graph gives them."""
        return self._run("logs", rows)

    def joined(self, rows: Sequence[Features]) -> Floats:
        """What the trees are given: x and the scores of the words."""
        return self._run("joined", rows)

    def _run(self, output: str, rows: Sequence[Features]) -> Floats:
        told = [self._run_block(output, rows[at : at + _BLOCK]) for at in range(0, max(1, len(rows)), _BLOCK)]
        return np.concatenate(told)

    def _run_block(self, output: str, rows: Sequence[Features]) -> Floats:
        given = encoded(rows, self._tables)
        told = self._session.run([output], {"x": given.x, "places": given.places, "weights": given.weights})
        return np.asarray(told[0], dtype=np.float32)

    def _quicker(self) -> "_Quick | None":
        """None for a graph without the constants, with too large trees, or that says something else."""
        if not {told.name for told in self._session.get_outputs()}.issuperset(_CONSTANTS):
            return None
        rows = _rows_to_try(self.facts)
        given = encoded(rows[:1], self._tables)
        feeds = {"x": given.x, "places": given.places, "weights": given.weights}
        constants = dict(zip(_CONSTANTS, self._session.run(_CONSTANTS, feeds), strict=True))
        try:
            quick = _Quick(constants, self.facts)
            told = [quick.logs(row) for row in rows]
        except (ValueError, IndexError) as error:
            _log.warning("rows go through the graph, which takes longer", reason=str(error))
            return None
        if not np.allclose(told, self.logs(rows), rtol=0, atol=_CLOSE):
            _log.warning("rows go through the graph, which takes longer", reason="its constants say else")
            return None
        return quick

    @property
    def is_quick(self) -> bool:
        """Whether a few rows are answered without the graph."""
        return self._quick is not None

    @property
    def baseline(self) -> Estimate:
        """What is told of any book when the model is refused."""
        return baseline_of(self.facts)


class _Quick:
    """The graph's arithmetic for one row."""

    def __init__(self, constants: dict[str, NDArray[np.generic]], facts: ModelFacts) -> None:
        """Raises: ValueError when the trees don't suit bookml.forest."""
        self._tables = facts.as_tables()
        idf, terms = constants["idf"].astype(np.float32), constants["terms"].astype(np.float32)
        self._scores = idf.shape[1]
        self._words = np.hstack([idf * idf, terms])
        self._score_of = constants["score_of"].astype(np.int64)
        self._centre = constants["centre"].astype(np.float32)
        self._forest = Forest(constants["branches"].astype(np.int16), constants["values"].astype(np.float32))

    def logs(self, row: Features) -> list[float]:
        """Log price and the two raw quantiles."""
        found = cells(row, self._tables)
        found += self._of_words(row).tolist() if row.places else self._centre.tolist()
        told: list[float] = self._forest.scores(np.array(found, dtype=np.float32)).tolist()
        return told

    def _of_words(self, row: Features) -> Floats:
        """The sum of weight * term, over the length of the text's vector for the column's score."""
        words, weights = self._words.take(row.places, axis=0), weighed(row.counts)
        squares = weights * weights @ words[:, : self._scores]
        lengths = np.sqrt(np.maximum(squares, _TINY)).take(self._score_of)
        found: Floats = weights @ words[:, self._scores :] / lengths + self._centre
        return found


def _rows_to_try(facts: ModelFacts) -> list[Features]:
    """Numbers that the model knows, some unknown; names and words at random, the same each time."""
    drawing = np.random.default_rng(7)
    tables = [list(table)[:1_000] or [""] for table in facts.as_tables()]
    rows = []
    for _ in range(_TRIED):
        known = [drawing.choice(facts.ranges.get(name) or (0.0, 1.0, 100.0)) for name in NUMBERS]
        numbers = tuple(math.nan if drawing.random() < 0.2 else float(value) for value in known)
        names = tuple(str(drawing.choice(names)) for names in tables)
        places = np.unique(drawing.integers(0, BUCKETS, 50)).tolist()
        rows.append(
            Features(numbers, names, tuple(places), tuple(drawing.integers(1, 4, len(places)).tolist()))
        )
    return rows


def baseline_of(facts: ModelFacts) -> Estimate:
    """The middle of all prices, and the interval that holds most of them."""
    return Estimate(_price(facts.centre), _price(facts.spread[0]), _price(facts.spread[1]))


def _price(log: float) -> float:
    return round(max(math.expm1(min(log, _HIGHEST)), 0.0), 2)
