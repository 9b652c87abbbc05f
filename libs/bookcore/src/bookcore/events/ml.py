"""The events about price models and their predictions."""

from typing import Literal

from pydantic import AwareDatetime

from bookcore.domain.book import to_version
from bookcore.events.book import Event, make_event_id


class ModelDecided(Event):
    """A user or the gate decided about a version of a model."""

    type = "books.model.decided.v1"

    name: str
    version: int
    act: Literal["promote", "reject", "rollback", "challenge"]
    reason: str
    by: str
    decided_at: AwareDatetime

    @property
    def event_id(self) -> str:
        """One id per decision."""
        return make_event_id(
            self.type, self.name, str(self.version), self.act, str(to_version(self.decided_at))
        )

    @property
    def key(self) -> str:
        """Partition key: decisions about a model stay in order."""
        return self.name


class PredictionMade(Event):
    """A price was predicted; a later observed price is compared with it.

    `kind` is `model` or `baseline`; `variant` is the arm of an experiment. Amounts are text.
    """

    type = "books.prediction.made.v1"

    prediction_id: str
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
    price: str
    low: str
    high: str
    coverage: float
    made_at: AwareDatetime
    milliseconds: float

    @property
    def event_id(self) -> str:
        """The prediction's id."""
        return self.prediction_id

    @property
    def key(self) -> str:
        """Partition key."""
        return self.book_id or self.prediction_id
