"""Decisions of editors on the managed tree of categories."""

from typing import Annotated, ClassVar

from pydantic import AwareDatetime, Field

from bookcore.domain.category_tree import CategoryDecision
from bookcore.events.book import Event

KEY = "categories"
"""One key: all decisions stay in order."""


class CategoryDecided(Event):
    """An editor changed the tree or its rules; kept forever, so that the tree can be built again.

    Applied in the order of the topic, once per `decision_id`; one that the tree forbids by then is kept with
    the reason and changes nothing. `decided_by` is the id of a user.
    """

    type: ClassVar[str] = "books.category.decided.v1"

    decision_id: str
    decided_at: AwareDatetime
    decided_by: str
    decision: Annotated[CategoryDecision, Field(discriminator="action")]

    @property
    def event_id(self) -> str:
        """The decision's id: a decision sent again is the same decision."""
        return self.decision_id

    @property
    def key(self) -> str:
        """Partition key."""
        return KEY
