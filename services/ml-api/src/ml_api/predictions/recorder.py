"""Writes predictions down: in the journal before the answer, from there to table and topic in batches.

A process that is killed loses nothing that it has answered: who starts next on its machine brings it in. Rows
are told apart by their id, so that twice is once in the table; an event may come twice, with one id.
A store that is away is waited for; beyond `_MOST` waiting ones new predictions are refused.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

import structlog

from bookcore.domain.errors import BookstreamError, Unavailable
from bookcore.event_log import EventLog
from bookcore.events.topics import PREDICTED
from ml_api.predictions.events import messages_of
from ml_api.predictions.journal import Journal
from ml_api.predictions.store import PredictionStore, Row

_EVERY = 0.1  # seconds; a batch of ten costs a row five times what one of a hundred does
_MOST = 100_000
_BATCH = 1_000
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Segment:
    """Rows that are still to be written, and the file that goes once they are."""

    path: Path
    rows: Sequence[Row]


class Recorder:
    """Safe for several threads; `run` is one thread's."""

    def __init__(self, store: PredictionStore, log: EventLog, journal: Journal) -> None:
        self.store = store
        self._event_log = log
        self._journal = journal
        self._lock = Lock()
        self._writing = Lock()
        self._new: list[Row] = []
        self._leaving: deque[_Segment] = deque()

    def note(self, rows: list[Row]) -> None:
        """Kept when this returns. Raises: Unavailable when it can't be, or too many wait already."""
        with self._lock:
            if self._waiting + len(rows) > _MOST:
                raise Unavailable("predictions can't be written down fast enough", retry_after=5.0)
            self._journal.add(rows)
            self._new += rows

    @property
    def waiting(self) -> int:
        """Predictions that are in the journal only."""
        with self._lock:
            return self._waiting

    @property
    def _waiting(self) -> int:
        return len(self._new) + sum(len(each.rows) for each in self._leaving)

    def find(self, prediction_id: str) -> Row | None:
        """A prediction, also one that still waits."""
        with self._lock:
            waiting = [*(row for each in self._leaving for row in each.rows), *self._new]
        for row in waiting:
            if row["id"] == prediction_id:
                return row
        return self.store.get(prediction_id)

    def run(self, stop: Event) -> None:
        """Write until told to stop, and then what is left; first what the dead have left behind."""
        for path, rows in self._journal.orphans():
            _log.warning("predictions of a process that died", rows=len(rows))
            if not self._write(_Segment(path, rows), stop):
                break
        while not stop.wait(_EVERY):
            self.flush(stop)
        self.flush(stop)
        self._journal.close()

    def flush(self, stop: Event) -> None:
        """Write all that waits; a store that is away is tried again, unless told to stop."""
        with self._writing:
            with self._lock:
                if self._new:
                    self._leaving.append(_Segment(self._journal.turn(), self._new))
                    self._new = []
            while self._leaving:
                if not self._write(self._leaving[0], stop):
                    return
                with self._lock:
                    self._leaving.popleft()

    def settle(self) -> None:
        """Write what waits if it can be done now: a true price finds only rows that are in the table."""
        once = Event()
        once.set()
        self.flush(once)

    def _write(self, segment: _Segment, stop: Event) -> bool:
        """False when told to stop before it could be done; then the file stays, for the next process."""
        for first in range(0, len(segment.rows), _BATCH):
            batch = segment.rows[first : first + _BATCH]
            while not self._written(batch):
                if stop.wait(1.0):
                    return False
        segment.path.unlink(missing_ok=True)
        return True

    def _written(self, batch: Sequence[Row]) -> bool:
        try:
            self.store.add(batch)
            self._event_log.append(PREDICTED.name, messages_of(batch))
        except BookstreamError as error:
            _log.warning("predictions wait", rows=len(batch), reason=str(error))
            return False
        return True
