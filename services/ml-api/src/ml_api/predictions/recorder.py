"""Writes predictions down behind the answers: a batch every few milliseconds, to the table and the topic.

An answer doesn't wait for the disk. What a killed process had not written yet, at most one interval, is lost;
a store that is away is waited for, and beyond `_MOST` waiting ones new predictions are refused.
"""

from collections import deque
from threading import Event
from typing import Any

import structlog

from bookcore.domain.book import moment_of
from bookcore.domain.errors import BookstreamError, Unavailable
from bookcore.event_log import EventLog
from bookcore.events.codec import encode
from bookcore.events.ml import PredictionMade
from bookcore.events.topics import PREDICTED
from ml_api.predictions.store import PredictionStore, Row

_EVERY = 0.02  # seconds
_MOST = 100_000
_BATCH = 1_000
_NOT_TOLD = ("id", "subject", "made_at")
_log = structlog.get_logger()


class Recorder:
    """`note` may be called from any thread; `run` is one thread's."""

    def __init__(self, store: PredictionStore, log: EventLog) -> None:
        self.store = store
        self._event_log = log
        self._waiting: deque[Row] = deque()

    def note(self, rows: list[Row]) -> None:
        """Raises: Unavailable when too many wait already."""
        if len(self._waiting) + len(rows) > _MOST:
            raise Unavailable("predictions can't be written down fast enough", retry_after=5.0)
        self._waiting.extend(rows)

    def find(self, prediction_id: str) -> Row | None:
        """A prediction, also one that still waits."""
        for row in list(self._waiting):
            if row["id"] == prediction_id:
                return row
        return self.store.get(prediction_id)

    def run(self, stop: Event) -> None:
        """Write until told to stop, and then what is left."""
        while not stop.wait(_EVERY):
            self.flush(stop)
        self.flush(stop)

    def flush(self, stop: Event) -> None:
        """Write all that waits; a store that is away is tried again, unless told to stop."""
        while self._waiting:
            batch = [self._waiting[at] for at in range(min(_BATCH, len(self._waiting)))]
            try:
                self.store.add(batch)
                self._event_log.append(
                    PREDICTED.name, [encode(_event(row), source="ml-api") for row in batch]
                )
            except BookstreamError as error:
                _log.warning("predictions wait", waiting=len(self._waiting), reason=str(error))
                if stop.wait(1.0):
                    return
                continue
            for _ in batch:
                self._waiting.popleft()


def _event(row: Row) -> PredictionMade:
    told: dict[str, Any] = {name: value for name, value in row.items() if name not in _NOT_TOLD}
    return PredictionMade(prediction_id=row["id"], made_at=moment_of(row["made_at"]), **told)
