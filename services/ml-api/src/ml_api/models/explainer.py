"""Why a price: TreeSHAP over the boosters that make it, on request only. A row costs some milliseconds."""

import math
from threading import Lock

import numpy as np
import orjson
from lightgbm import Booster

from bookml.features import Features
from bookml.predictor import PricePredictor

_MAX_EFFECTS = 8


class Explainer:
    """Of one model; boosters are read when it is first asked. Safe for several threads."""

    def __init__(self, trees: bytes, predictor: PricePredictor) -> None:
        """`trees` is the model's trees.json, checked."""
        self._trees, self._predictor = trees, predictor
        self._lock = Lock()
        self._boosters: list[Booster] = []

    def explain(self, row: Features) -> list[dict[str, object]]:
        """The strongest effects as factors of the price, the rest together, and the base that they move.

        All factors multiplied are 1 + the price.
        """
        with self._lock:
            if not self._boosters:
                self._boosters = [Booster(model_str=text) for text in orjson.loads(self._trees)]
        x = self._predictor.compute_tree_inputs([row])
        made = [b.predict(x, pred_contrib=True, num_threads=1)[0] for b in self._boosters]
        parts = np.mean(made, axis=0)
        names: list[str] = self._boosters[0].feature_name()
        ordered = sorted(zip(names, parts[:-1], strict=True), key=lambda each: -abs(each[1]))
        rest = sum(value for _, value in ordered[_MAX_EFFECTS:])
        told = [("base", parts[-1]), *ordered[:_MAX_EFFECTS], ("all others", rest)]
        return [{"feature": name, "factor": round(math.exp(float(value)), 4)} for name, value in told]
