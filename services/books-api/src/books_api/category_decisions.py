"""Decisions on the tree of categories: checked, published, then read back from the catalogue."""

from threading import Lock
from uuid import uuid4

from bookcore.catalogue import Catalogue, categories
from bookcore.catalogue.categories import RecordedDecision, TreeState
from bookcore.domain.category_tree import CategoryDecision, CategoryTree
from bookcore.domain.errors import Conflict
from bookcore.event_log import EventLog
from bookcore.events.category import CategoryDecided
from bookcore.events.codec import encode
from bookcore.events.topics import CATEGORY
from bookcore.kit.clock import Clock
from bookcore.kit.tracing.messages import MessageTracer
from bookcore.kit.tracing.tracer import Tracer
from books_api.polling import poll_until


class CategoryDesk:
    """Thread-safe; the tree is read again only where there are new decisions."""

    def __init__(
        self, log: EventLog, catalogue: Catalogue, clock: Clock, *, wait: float, tracer: Tracer | None = None
    ) -> None:
        """`wait`: seconds until a decision that the catalogue hasn't read is told as pending."""
        self._event_log = log
        self._catalogue = catalogue
        self._clock = clock
        self._wait = wait
        self._tracer = MessageTracer(tracer or Tracer())
        self._lock = Lock()
        self._state = TreeState(CategoryTree())

    def read_tree(self) -> CategoryTree:
        """The tree of all decisions that the catalogue has; not to be changed."""
        with self._catalogue.begin_read() as connection:
            state = categories.read_tree(connection, self._state)
        if state.sequence > self._state.sequence:
            self._state = state
        return state.tree

    def decide(self, decision: CategoryDecision, *, by: str) -> RecordedDecision | None:
        """Publish a decision; None when the catalogue hasn't read it within the wait.

        Raises: NotFound, Conflict or Invalid where the tree forbids it, and Conflict when another decision
        came first; Unavailable when the event log can't be written.
        """
        if not self._lock.acquire(timeout=self._wait):
            raise Conflict("another decision on categories is in progress; try again")
        try:
            self.read_tree().check(decision)
            event = CategoryDecided(
                decision_id=str(uuid4()), decided_at=self._clock.now(), decided_by=by, decision=decision
            )
            with self._tracer.send(CATEGORY.name, [encode(event, source="books-api")]) as outgoing:
                self._event_log.append(CATEGORY.name, outgoing)
            recorded = poll_until(lambda: self._find_recorded(event.decision_id), within=self._wait)
        finally:
            self._lock.release()
        if recorded is not None and recorded.refusal is not None:
            raise Conflict(f"another decision came first: {recorded.refusal}")
        return recorded

    def _find_recorded(self, decision_id: str) -> RecordedDecision | None:
        with self._catalogue.begin_read() as connection:
            return categories.find_decision(connection, decision_id)
