"""Values of a prediction: the request, the options and the result; results become JSON as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bookml.facts import BookFacts
from ml_api.models.served_models import ServedModel


@dataclass(frozen=True, slots=True)
class PredictionRequest:
    """One book to price; an experiment assigns all requests of a `subject` to the same model."""

    facts: BookFacts
    book_id: str | None
    subject: str


@dataclass(frozen=True, slots=True)
class PredictionOptions:
    """Options of all rows of a request; `version` None means the version in use."""

    model: ServedModel
    version: int | None
    explain: bool


@dataclass(frozen=True, slots=True)
class Amount:
    """A price in major units as exact text."""

    amount: str
    currency: str


@dataclass(frozen=True, slots=True)
class PriceInterval:
    """Bounds that hold the price with the stated probability."""

    low: Amount
    high: Amount


@dataclass(frozen=True, slots=True)
class Prediction:
    """One predicted price with its interval, field by field as routes.schemas.PredictionOut describes it.

    `kind` is `baseline` with a `reason` where no model may be used. `explanation` has factors by feature.
    """

    id: str
    book_id: str | None
    source: str
    currency: str
    kind: Literal["model", "baseline"]
    model: str
    version: int
    digest: str
    features: str
    snapshot: str
    variant: str
    price: Amount
    interval: PriceInterval
    low: str
    high: str
    coverage: float
    reason: str | None
    notes: Sequence[str]
    explanation: Sequence[dict[str, object]] | None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row of a batch that was not predicted: its number from 0, the field at fault and the reason."""

    row: int
    field: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class PredictionBatch:
    """Predictions in the order of the rows, None for a rejected row; rejected rows by number."""

    items: Sequence[Prediction | None]
    errors: Sequence[RejectedRow]
