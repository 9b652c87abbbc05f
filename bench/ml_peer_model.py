"""The price model for MLflow's scoring server, which loads this file: `save_model(python_model=...)`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from bookcore.domain.details import Details
from bookml.facts import BookFacts
from bookml.predictor import PricePredictor


class PriceModel(PythonModel):
    """Predicts a price from the facts of each row."""

    def load_context(self, context: Any) -> None:  # Any: MLflow's own
        files = {path.name: path.read_bytes() for path in Path(context.artifacts["files"]).iterdir()}
        self._predictor = PricePredictor(files)

    def predict(self, context: Any, model_input: Any, params: object = None) -> list[float]:  # Any: MLflow's
        """Major units, one for each row."""
        books = [_build_facts(row) for row in model_input.to_dict("records")]
        return [estimate.price for estimate in self._predictor.predict(books)]


def _build_facts(row: Mapping[str, Any]) -> BookFacts:  # Any: JSON
    details = {name: value for name, value in row.items() if name in Details.__slots__}
    details["authors"] = tuple(details.get("authors", ()))
    others = {name: value for name, value in row.items() if name not in Details.__slots__}
    return BookFacts(**others, details=Details(**details))


set_model(PriceModel())
