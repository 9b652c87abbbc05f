"""Exports a fitted model as one ONNX graph: text scores and latent axes, joined to x, into three forests.

A converter of our own, because thresholds must be rounded down to float32: x <= t holds for a float32 x
exactly when x <= the largest float32 not above t. So graph and booster agree on every branch. The trees are
exported twice: as an operator for large batches, and as arrays (`branches`, `values`) for bookml.forest.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from lightgbm import Booster
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bookml.encoder import COLUMNS
from trainer import lsa
from trainer.boosting import INPUT_COLUMNS, BoostedTrees
from trainer.fit import FittedModel
from trainer.text_ridge import SCORES

_OPSET = 17
_ML_OPSET = 3
_IR = 9
EXPOSED_CONSTANTS = ("idf", "terms", "score_of", "centre", "branches", "values")
"""Constants that are outputs as well: bookml.predictor builds its small-batch model of them."""


@dataclass(slots=True)
class _TreeEnsemble:
    """Attributes of TreeEnsembleRegressor, node by node; targets 0 to 2 are middle, low and high."""

    trees: list[int] = field(default_factory=list)
    nodes: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    modes: list[str] = field(default_factory=list)
    true_children: list[int] = field(default_factory=list)
    false_children: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    leaves: list[tuple[int, int, int, float]] = field(default_factory=list)
    rows: list[tuple[int, ...]] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, tree: int, structure: dict[str, Any], *, target: int, scale: float) -> None:  # Any: JSON
        """Add a tree of LightGBM's dump."""
        for number, (node, children) in enumerate(_assign_node_numbers(structure)):
            self.trees.append(tree)
            self.nodes.append(number)
            if children is None:
                self._add_branch(0, 0.0, "LEAF", (0, 0), follows=False)
                self.leaves.append((tree, number, target, node["leaf_value"] * scale))
                self.rows.append((tree, number, -1, 0, 0, 0, target))
                self.values.append(node["leaf_value"] * scale)
                continue
            if node["decision_type"] != "<=":  # pragma: no cover - we have no categorical columns
                raise ValueError(f"a split by {node['decision_type']} is not supported by the graph")
            threshold = _round_down(node["threshold"])
            follows = node["default_left"] if node["missing_type"] == "NaN" else threshold >= 0.0
            self._add_branch(node["split_feature"], threshold, "BRANCH_LEQ", children, follows=follows)
            self.rows.append((tree, number, node["split_feature"], *children, int(follows), target))
            self.values.append(threshold)

    def _add_branch(
        self, feature: int, threshold: float, mode: str, children: tuple[int, int], *, follows: bool
    ) -> None:
        self.features.append(feature)
        self.thresholds.append(threshold)
        self.modes.append(mode)
        self.true_children.append(children[0])
        self.false_children.append(children[1])
        self.missing.append(int(follows))

    def as_arrays(self) -> dict[str, NDArray[Any]]:  # Any: of two kinds of number
        """The trees as arrays for bookml.forest."""
        rows = np.array(self.rows, dtype=np.int64)
        if rows.max() > np.iinfo(np.int16).max:  # pragma: no cover - boosting.py trains a tenth of that
            raise ValueError("there are too many trees")
        return {"branches": rows.astype(np.int16), "values": np.array(self.values, dtype=np.float32)}

    def build_node(self) -> onnx.NodeProto:
        """The TreeEnsembleRegressor node."""
        return helper.make_node(
            "TreeEnsembleRegressor",
            ["joined"],
            ["logs"],
            domain="ai.onnx.ml",
            n_targets=3,
            nodes_treeids=self.trees,
            nodes_nodeids=self.nodes,
            nodes_featureids=self.features,
            nodes_values=self.thresholds,
            nodes_modes=self.modes,
            nodes_truenodeids=self.true_children,
            nodes_falsenodeids=self.false_children,
            nodes_missing_value_tracks_true=self.missing,
            target_treeids=[leaf[0] for leaf in self.leaves],
            target_nodeids=[leaf[1] for leaf in self.leaves],
            target_ids=[leaf[2] for leaf in self.leaves],
            target_weights=[leaf[3] for leaf in self.leaves],
        )


def build_graph(fitted: FittedModel) -> bytes:
    """The serialised graph; the same model gives the same bytes."""
    forest = _build_ensemble(fitted.trees)
    nodes = [*_build_text_nodes(), forest.build_node()]
    places = ["n", "longest"]
    constants = [*_build_constants(fitted), *_build_tensors(forest.as_arrays())]
    graph = helper.make_graph(
        nodes,
        "price",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", len(COLUMNS)]),
            helper.make_tensor_value_info("places", TensorProto.INT64, places),
            helper.make_tensor_value_info("weights", TensorProto.FLOAT, places),
        ],
        [
            helper.make_tensor_value_info("logs", TensorProto.FLOAT, ["n", 3]),
            helper.make_tensor_value_info("joined", TensorProto.FLOAT, ["n", len(INPUT_COLUMNS)]),
            *(
                helper.make_tensor_value_info(each.name, each.data_type, each.dims)
                for each in constants
                if each.name in EXPOSED_CONSTANTS
            ),
        ],
        constants,
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="bookstream", ir_version=_IR)
    onnx.checker.check_model(model)
    body: bytes = model.SerializeToString(deterministic=True)
    return body


def _build_text_nodes() -> list[onnx.NodeProto]:
    """Each column is the sum of weight * term, divided by the length of the text's vector for its score."""
    node = helper.make_node
    return [
        node("Gather", ["idf", "places"], ["rare"], axis=0),
        node("Unsqueeze", ["weights", "last"], ["weight"]),
        node("Mul", ["rare", "weight"], ["vector"]),
        node("Mul", ["vector", "vector"], ["squares"]),
        node("ReduceSum", ["squares", "words"], ["square"], keepdims=0),
        node("Max", ["square", "tiny"], ["positive"]),
        node("Sqrt", ["positive"], ["length"]),
        node("Gather", ["length", "score_of"], ["lengths"], axis=1),
        node("Gather", ["terms", "places"], ["term"], axis=0),
        node("Unsqueeze", ["weights", "words"], ["row"]),
        node("MatMul", ["row", "term"], ["sums"]),
        node("Squeeze", ["sums", "words"], ["dot"]),
        node("Div", ["dot", "lengths"], ["relative"]),
        node("Add", ["relative", "centre"], ["told"]),
        node("Concat", ["x", "told"], ["joined"], axis=1),
    ]


def _build_constants(fitted: FittedModel) -> list[onnx.TensorProto]:
    """`terms` [BUCKETS, columns] is idf * coefficient; `score_of` the score whose length divides a column."""
    scores, axes = fitted.words, fitted.topics
    score_of = (*range(len(SCORES)), *(place for place in lsa.PLACES for _ in range(lsa.AXES)))
    terms = [scores.idf * scores.coefficients]
    terms += [idf[:, None] * part for idf, part in zip(axes.idf, axes.vectors, strict=True)]
    arrays: dict[str, NDArray[Any]] = {  # Any: of several kinds of number
        "idf": scores.idf,
        "terms": np.hstack(terms),
        "score_of": np.array(score_of, dtype=np.int64),
        "centre": np.array([scores.centre] * len(SCORES) + [0.0] * len(lsa.COLUMNS), dtype=np.float32),
        "tiny": np.array(1e-12, dtype=np.float32),
        "last": np.array([2], dtype=np.int64),
        "words": np.array([1], dtype=np.int64),
    }
    return _build_tensors(arrays)


def _build_tensors(
    arrays: dict[str, NDArray[Any]],
) -> list[onnx.TensorProto]:  # Any: of several kinds of number
    return [numpy_helper.from_array(value, name) for name, value in arrays.items()]


def _build_ensemble(trees: BoostedTrees) -> _TreeEnsemble:
    forest = _TreeEnsemble()
    boosters = [(booster, 0, 1 / len(trees.points)) for booster in trees.points]
    number = 0
    for booster, target, scale in (*boosters, (trees.low, 1, 1.0), (trees.high, 2, 1.0)):
        for structure in _dump_trees(booster):
            forest.add(number, structure, target=target, scale=scale)
            number += 1
    return forest


def _dump_trees(booster: Booster) -> Iterator[dict[str, Any]]:  # Any: JSON
    for info in booster.dump_model()["tree_info"]:
        yield info["tree_structure"]


def _assign_node_numbers(root: dict[str, Any]) -> Sequence[tuple[dict[str, Any], tuple[int, int] | None]]:
    """Nodes by number, each with the numbers of its children, None for a leaf."""
    order: list[dict[str, Any]] = [root]
    numbered: list[tuple[dict[str, Any], tuple[int, int] | None]] = []
    for node in order:  # grows while it is read: breadth first
        if "split_feature" not in node:
            numbered.append((node, None))
            continue
        numbered.append((node, (len(order), len(order) + 1)))
        order += [node["left_child"], node["right_child"]]
    return numbered


def _round_down(threshold: float) -> float:
    near = np.float32(threshold)
    if float(near) > threshold:
        near = np.nextafter(near, np.float32(-np.inf))
    return float(near)
