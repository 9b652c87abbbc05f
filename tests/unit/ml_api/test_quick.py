"""A few rows go a quicker way than the graph's own, and nobody can tell."""

import math
from collections.abc import Callable
from dataclasses import astuple

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from tests.unit.bookml.books import make_books
from tests.unit.ml_api.conftest import World

from bookml.artifact import MODEL, Files
from bookml.facts import BookFacts, extract_facts
from bookml.features import compute_features
from bookml.predictor import PricePredictor

BOOKS = [
    BookFacts(),
    BookFacts(title="1 (2) vol. 3"),
    *map(extract_facts, make_books(60, signal=True, source="good", seed=9)),
]
Change = Callable[[onnx.GraphProto], None]


def read_files(world: World) -> Files:
    registry = world.stores().registry
    return registry.read_files(registry.list_versions("price-good-gbp")[-1])


def change_graph(files: Files, change: Change) -> Files:
    model = onnx.load_from_string(files[MODEL])
    change(model.graph)
    return {**files, MODEL: model.SerializeToString()}


def outputs_gone(graph: onnx.GraphProto) -> None:
    del graph.output[2:]


def other_leaves(graph: onnx.GraphProto) -> None:
    (values,) = [each for each in graph.initializer if each.name == "values"]
    values.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(values) + np.float32(0.5), "values"))


def no_trees(graph: onnx.GraphProto) -> None:
    for name, shape, kind in (("branches", (0, 7), np.int16), ("values", (0,), np.float32)):
        (array,) = [each for each in graph.initializer if each.name == name]
        array.CopyFrom(numpy_helper.from_array(np.zeros(shape, kind), name))
        (told,) = [each for each in graph.output if each.name == name]
        told.type.tensor_type.shape.dim[0].dim_value = 0


def test_single_row_and_batch_have_the_same_price(world: World) -> None:
    predictor = PricePredictor(read_files(world))
    together = predictor.predict(BOOKS)
    assert predictor.has_small_batch_model
    for book, estimate in zip(BOOKS, together, strict=True):
        (alone,) = predictor.predict([book])
        assert astuple(alone) == pytest.approx(astuple(estimate), abs=0.011)
        (logs,) = predictor.predict_logs([compute_features(book)])
        assert math.log1p(alone.price) == pytest.approx(float(logs[0]), abs=1e-3)


@pytest.mark.parametrize("change", [outputs_gone, other_leaves, no_trees])
def test_graph_with_unfitting_constants_predicts_small_batches_itself(world: World, change: Change) -> None:
    files = read_files(world)
    predictor = PricePredictor(change_graph(files, change))
    assert not predictor.has_small_batch_model
    assert (
        predictor.predict(BOOKS[:3]) == PricePredictor(change_graph(files, outputs_gone)).predict(BOOKS)[:3]
    )
