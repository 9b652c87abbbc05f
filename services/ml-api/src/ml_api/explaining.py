"""Why a price: TreeSHAP over the boosters that make it, on request only."""

import math

import numpy as np
import orjson
from lightgbm import Booster

from bookml.artifact import TREES
from bookml.features import Features
from ml_api.models import Loaded, Models

_MOST = 8
_boosters: dict[str, list[Booster]] = {}


def explained(models: Models, loaded: Loaded, row: Features) -> list[dict[str, object]]:
    """The strongest effects as factors of the price, the rest together, and the base that they start from.

    All factors multiplied are 1 + the price.
    """
    digest = loaded.version.digest
    if digest not in _boosters:
        texts: list[str] = orjson.loads(models.registry.files(loaded.version)[TREES])
        _boosters[digest] = [Booster(model_str=text) for text in texts]
    boosters = _boosters[digest]
    x = loaded.predictor.joined([row])
    parts = np.mean([b.predict(x, pred_contrib=True, num_threads=1)[0] for b in boosters], axis=0)
    names: list[str] = boosters[0].feature_name()
    ordered = sorted(zip(names, parts[:-1], strict=True), key=lambda each: -abs(each[1]))
    rest = sum(value for _, value in ordered[_MOST:])
    told = [("base", parts[-1]), *ordered[:_MOST], ("all others", rest)]
    return [{"feature": name, "factor": round(math.exp(float(value)), 4)} for name, value in told]
