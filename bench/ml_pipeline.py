"""The same price model as one serves it with MLflow: a record, a DataFrame, scikit-learn's pipeline.

Runs in MLflow's environment. Features are made by our own functions; what follows is scikit-learn's and
LightGBM's: TfidfTransformer and Ridge give the scores of the words, boosters the price. It tells the price
alone: no interval, no lineage, no record.
"""

# mypy: ignore-errors
# its packages are those of MLflow's environment, not ours

import json
from pathlib import Path

import lightgbm
import mlflow.pyfunc
import numpy as np
import onnx
import pandas as pd
from mlflow.models import set_model
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import FeatureUnion, Pipeline

from bookcore.domain.details import Details
from bookml.encoder import encode
from bookml.facts import BookFacts
from bookml.features import BUCKETS, Features, compute_features

_UNKNOWN: dict[str, tuple[float, float]] = {}


class _Ready:
    """Fitted elsewhere."""

    def fit(self, x: object, y: object = None) -> "_Ready":
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True


class Books(_Ready, TransformerMixin, BaseEstimator):
    """DataFrame -> features of each row."""

    def transform(self, x: pd.DataFrame) -> list[Features]:
        """By the functions that the model was trained with."""
        made = []
        for row in x.to_dict("records"):
            details = {name: row.pop(name) for name in list(row) if name in Details.__slots__}
            details["authors"] = tuple(details.get("authors", ()))
            made.append(compute_features(BookFacts(**row, details=Details(**details))))
        return made


class Columns(_Ready, TransformerMixin, BaseEstimator):
    """Numbers, and for each name how such books are priced."""

    def __init__(self, tables: list[dict[str, list[float]]]) -> None:
        self.tables = tables

    def transform(self, x: list[Features]) -> np.ndarray:
        """[n, numbers + 2 * names]."""
        return encode(x, self.tables).x


class Words(_Ready, TransformerMixin, BaseEstimator):
    """Counts of hashed words, as HashingVectorizer gives them."""

    def transform(self, x: list[Features]) -> csr_matrix:
        """[n, BUCKETS]."""
        given = encode(x, [_UNKNOWN] * len(x[0].names))
        present = given.weights > 0
        pointers = np.concatenate([[0], np.cumsum(present.sum(axis=1))])
        counts = np.exp(given.weights[present].astype(float) - 1)
        return csr_matrix((counts, given.places[present], pointers), shape=(len(x), BUCKETS))


class Score(Ridge):
    """A fitted ridge regression inside a union: what it predicts are columns."""

    def transform(self, x: csr_matrix) -> np.ndarray:
        """[n, targets]."""
        return self.predict(x).reshape(x.shape[0], -1)


class Order(_Ready, TransformerMixin, BaseEstimator):
    """Columns as the boosters know them."""

    def __init__(self, places: np.ndarray) -> None:
        self.places = places

    def transform(self, x: np.ndarray) -> np.ndarray:
        """The same columns."""
        return x[:, self.places]


class Mean(_Ready, RegressorMixin, BaseEstimator):
    """LightGBM's boosters, whose mean is the log price."""

    def __init__(self, boosters: list[lightgbm.Booster]) -> None:
        self.boosters = boosters

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Prices."""
        logs = np.mean([b.predict(x.astype(np.float32), num_threads=1) for b in self.boosters], axis=0)
        return np.expm1(logs)


def build_pipeline(folder: Path) -> Pipeline:
    """From the files of the model."""
    facts = json.loads((folder / "model.json").read_text())
    graph = onnx.load(folder / "model.onnx").graph
    known = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    scores, places = [], []
    for at in range(known["idf"].shape[1]):
        idf, columns = known["idf"][:, at].astype(float), np.flatnonzero(known["score_of"] == at)
        places += columns.tolist()
        rarity, ridge = TfidfTransformer(sublinear_tf=True), Score()
        rarity.idf_ = idf
        coefficients = (known["terms"][:, columns].T / np.where(idf, idf, 1.0)).astype(float)
        ridge.coef_ = np.asfortranarray(coefficients)  # else scikit-learn copies all of it for each request
        ridge.intercept_ = known["centre"][columns].astype(float)
        scores.append((f"score{at}", Pipeline([("rarity", rarity), ("ridge", ridge)])))
    words = [("counts", Words()), ("scores", FeatureUnion(scores)), ("order", Order(np.argsort(places)))]
    texts = json.loads((folder / "trees.json").read_text())
    boosters = [lightgbm.Booster(model_str=text) for text in texts]
    union = FeatureUnion(
        [
            ("columns", Columns(facts["tables"])),
            ("words", Pipeline(words)),
        ]
    )
    return Pipeline([("books", Books()), ("inputs", union), ("trees", Mean(boosters))])


class Price(mlflow.pyfunc.PythonModel):
    """As MLflow's scoring server takes it."""

    def load_context(self, context: mlflow.pyfunc.PythonModelContext) -> None:
        """Once."""
        self.pipeline = build_pipeline(Path(context.artifacts["files"]))

    def predict(self, context, model_input, params=None):  # with types MLflow would check them at every call
        """A price for each record."""
        return [float(price) for price in self.pipeline.predict(model_input)]


set_model(Price())
