"""A loaded model: predicts price and interval of facts. One thread: more don't speed up single rows.

Large batches run on the ONNX graph. Small batches run on a faster model built from the graph's constants:
word scores by numpy, trees by bookml.forest. Both are compared on sample rows when a model is opened.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from bookcore.domain.errors import Invalid
from bookcore.kit.logger import get_logger
from bookml.artifact import FACTS, MODEL, Files, ModelDescription, check_files, parse_description
from bookml.encoder import Floats, encode, encode_row, weigh_counts
from bookml.facts import BookFacts
from bookml.features import BUCKETS, NAMES, NUMBERS, Features, compute_features
from bookml.forest import Forest

_CATEGORY = NAMES.index("category")
_BLOCK = 512
"""Rows per run of the graph: a row of many words takes some hundred kilobytes there."""
_MAX_LOG_PRICE = 20.0  # log of the largest predicted price; exp() of more overflows
_CONSTANTS = ("idf", "terms", "score_of", "centre", "branches", "values")
_SMALL_BATCH = 16
"""Largest batch for which the small-batch model is faster."""
_SAMPLE_ROWS, _TOLERANCE = 32, 1e-4
_TINY = np.float32(1e-12)
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PriceEstimate:
    """A price in major units and its interval at the model's coverage."""

    price: float
    low: float
    high: float


class PricePredictor:
    """Safe for several threads."""

    def __init__(self, files: Files) -> None:
        """Raises: Invalid when the files are no model; check their digests first."""
        check_files(files)
        self.description: ModelDescription = parse_description(files[FACTS])
        self._tables = self.description.as_tables()
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(files[MODEL], options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has no root of its own errors
            raise Invalid("can't be opened as an ONNX model", field=MODEL) from error
        inputs = {"x", "places", "weights"}
        if {given.name for given in self._session.get_inputs()} != inputs:
            raise Invalid(f"doesn't take {', '.join(sorted(inputs))}", field=MODEL)
        self._small_batch_model = self._create_small_batch_model()

    def predict(self, books: Sequence[BookFacts]) -> list[PriceEstimate]:
        """One estimate for each book."""
        return self.estimate([compute_features(facts) for facts in books])

    def estimate(self, rows: Sequence[Features]) -> list[PriceEstimate]:
        """One estimate for each row; the price is always inside the interval."""
        if self._small_batch_model is not None and len(rows) <= _SMALL_BATCH:
            return [self._build_estimate(row, *self._small_batch_model.predict_logs(row)) for row in rows]
        if not rows:
            return []
        return [
            self._build_estimate(row, *logs)
            for row, logs in zip(rows, self.predict_logs(rows).tolist(), strict=True)
        ]

    def _build_estimate(self, row: Features, middle: float, low: float, high: float) -> PriceEstimate:
        offsets = self.description.offsets
        widen = offsets.get(row.names[_CATEGORY], offsets[""])
        return PriceEstimate(
            _to_price(middle), _to_price(min(low - widen, middle)), _to_price(max(high + widen, middle))
        )

    def predict_logs(self, rows: Sequence[Features]) -> Floats:
        """[n, 3] of the graph: log price and the two raw quantiles."""
        return self._run("logs", rows)

    def compute_tree_inputs(self, rows: Sequence[Features]) -> Floats:
        """Inputs of the trees: x, word scores and latent axes."""
        return self._run("joined", rows)

    def _run(self, output: str, rows: Sequence[Features]) -> Floats:
        blocks = [
            self._run_block(output, rows[at : at + _BLOCK]) for at in range(0, max(1, len(rows)), _BLOCK)
        ]
        return np.concatenate(blocks)

    def _run_block(self, output: str, rows: Sequence[Features]) -> Floats:
        given = encode(rows, self._tables)
        results = self._session.run(
            [output], {"x": given.x, "places": given.places, "weights": given.weights}
        )
        return np.asarray(results[0], dtype=np.float32)

    def _create_small_batch_model(self) -> "_SmallBatchModel | None":
        """None when the graph lacks the constants, its trees are too large, or the results differ."""
        if not {output.name for output in self._session.get_outputs()}.issuperset(_CONSTANTS):
            return None
        rows = _draw_sample_rows(self.description)
        given = encode(rows[:1], self._tables)
        feeds = {"x": given.x, "places": given.places, "weights": given.weights}
        constants = dict(zip(_CONSTANTS, self._session.run(_CONSTANTS, feeds), strict=True))
        try:
            quick = _SmallBatchModel(constants, self.description)
            results = [quick.predict_logs(row) for row in rows]
        except (ValueError, IndexError) as error:
            _log.warning("small-batch model unavailable; using the graph", reason=str(error))
            return None
        if not np.allclose(results, self.predict_logs(rows), rtol=0, atol=_TOLERANCE):
            _log.warning("small-batch model unavailable; using the graph", reason="results differ")
            return None
        return quick

    @property
    def has_small_batch_model(self) -> bool:
        """Whether small batches run without the graph."""
        return self._small_batch_model is not None

    @property
    def baseline(self) -> PriceEstimate:
        """Estimate of any book when the model is refused."""
        return compute_baseline(self.description)


class _SmallBatchModel:
    """The graph's computation for one row."""

    def __init__(self, constants: dict[str, NDArray[np.generic]], facts: ModelDescription) -> None:
        """Raises: ValueError when bookml.forest doesn't support the trees."""
        self._tables = facts.as_tables()
        idf, terms = constants["idf"].astype(np.float32), constants["terms"].astype(np.float32)
        self._scores = idf.shape[1]
        self._words = np.hstack([idf * idf, terms])
        self._score_of = constants["score_of"].astype(np.int64)
        self._centre = constants["centre"].astype(np.float32)
        self._forest = Forest(constants["branches"].astype(np.int16), constants["values"].astype(np.float32))

    def predict_logs(self, row: Features) -> list[float]:
        """Log price and the two raw quantiles."""
        cells = encode_row(row, self._tables)
        cells += self._score_words(row).tolist() if row.places else self._centre.tolist()
        logs: list[float] = self._forest.score(np.array(cells, dtype=np.float32)).tolist()
        return logs

    def _score_words(self, row: Features) -> Floats:
        """Sum of weight * term, divided by the length of the text's vector for the column's score."""
        words, weights = self._words.take(row.places, axis=0), weigh_counts(row.counts)
        squares = weights * weights @ words[:, : self._scores]
        lengths = np.sqrt(np.maximum(squares, _TINY)).take(self._score_of)
        scores: Floats = weights @ words[:, self._scores :] / lengths + self._centre
        return scores


def _draw_sample_rows(facts: ModelDescription) -> list[Features]:
    """Random rows from a fixed seed: numbers of the model's range, some missing, known names, any words."""
    rng = np.random.default_rng(7)
    tables = [list(table)[:1_000] or [""] for table in facts.as_tables()]
    rows = []
    for _ in range(_SAMPLE_ROWS):
        known = [rng.choice(facts.ranges.get(name) or (0.0, 1.0, 100.0)) for name in NUMBERS]
        numbers = tuple(math.nan if rng.random() < 0.2 else float(value) for value in known)
        names = tuple(str(rng.choice(names)) for names in tables)
        places = np.unique(rng.integers(0, BUCKETS, 50)).tolist()
        rows.append(Features(numbers, names, tuple(places), tuple(rng.integers(1, 4, len(places)).tolist())))
    return rows


def compute_baseline(facts: ModelDescription) -> PriceEstimate:
    """The median price and the interval of most prices."""
    return PriceEstimate(_to_price(facts.centre), _to_price(facts.spread[0]), _to_price(facts.spread[1]))


def _to_price(log: float) -> float:
    return round(max(math.expm1(min(log, _MAX_LOG_PRICE)), 0.0), 2)
