"""Explains a price by TreeSHAP on the model's boosters; a row costs some milliseconds."""

import math
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import orjson

from bookml.features import Features
from bookml.predictor import PricePredictor

if TYPE_CHECKING:
    from lightgbm import Booster

_MAX_EFFECTS = 8


class Explainer:
    """Explains predictions of one model; loads its boosters on first use. Safe for several threads."""

    def __init__(self, trees: bytes, predictor: PricePredictor) -> None:
        """`trees` is the model's trees.json, checked."""
        self._trees, self._predictor = trees, predictor
        self._lock = Lock()
        self._boosters: list[Booster] = []

    def explain(self, row: Features) -> list[dict[str, object]]:
        """The base, the strongest effects and the rest as factors; their product is 1 + price."""
        with self._lock:
            if not self._boosters:
                self._boosters = _load_boosters(self._trees)
        x = self._predictor.compute_tree_inputs([row])
        contributions = [b.predict(x, pred_contrib=True, num_threads=1)[0] for b in self._boosters]
        effects = np.mean(contributions, axis=0)
        names: list[str] = self._boosters[0].feature_name()
        ordered = sorted(zip(names, effects[:-1], strict=True), key=lambda effect: -abs(effect[1]))
        rest = sum(value for _, value in ordered[_MAX_EFFECTS:])
        factors = [("base", effects[-1]), *ordered[:_MAX_EFFECTS], ("all others", rest)]
        return [{"feature": name, "factor": round(math.exp(float(value)), 4)} for name, value in factors]


def _load_boosters(trees: bytes) -> "list[Booster]":
    """The import of LightGBM takes a second, so only a process that explains pays it."""
    lightgbm = import_module("lightgbm")
    return [lightgbm.Booster(model_str=text) for text in orjson.loads(trees)]
