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
from ml_api.predictions.events import encode_messages
from ml_api.predictions.journal import PredictionJournal
from ml_api.predictions.store import PredictionRow, PredictionStore

_FLUSH_INTERVAL = 0.1  # seconds; a batch of ten costs a row five times what one of a hundred does
_MAX_WAITING = 100_000
_BATCH = 1_000
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _PendingSegment:
    """Rows that are still to be written, and the file that goes once they are."""

    path: Path
    rows: Sequence[PredictionRow]


class PredictionRecorder:
    """Safe for several threads; `run` is one thread's."""

    def __init__(self, store: PredictionStore, log: EventLog, journal: PredictionJournal) -> None:
        self.store = store
        self._event_log = log
        self._journal = journal
        self._lock = Lock()
        self._writing = Lock()
        self._new: list[PredictionRow] = []
        self._pending: deque[_PendingSegment] = deque()

    def record(self, rows: list[PredictionRow]) -> None:
        """Kept when this returns. Raises: Unavailable when it can't be, or too many wait already."""
        with self._lock:
            if self._waiting + len(rows) > _MAX_WAITING:
                raise Unavailable("predictions can't be written down fast enough", retry_after=5.0)
            self._journal.append(rows)
            self._new += rows

    @property
    def waiting(self) -> int:
        """Predictions that are in the journal only."""
        with self._lock:
            return self._waiting

    @property
    def _waiting(self) -> int:
        return len(self._new) + sum(len(each.rows) for each in self._pending)

    def find(self, prediction_id: str) -> PredictionRow | None:
        """A prediction, also one that still waits."""
        with self._lock:
            waiting = [*(row for each in self._pending for row in each.rows), *self._new]
        for row in waiting:
            if row["id"] == prediction_id:
                return row
        return self.store.get(prediction_id)

    def run(self, stop: Event) -> None:
        """Write until told to stop, and then what is left; first what the dead have left behind."""
        for path, rows in self._journal.read_orphans():
            _log.warning("predictions of a process that died", rows=len(rows))
            if not self._write_segment(_PendingSegment(path, rows), stop):
                break
        while not stop.wait(_FLUSH_INTERVAL):
            self.flush(stop)
        self.flush(stop)
        self._journal.close()

    def flush(self, stop: Event) -> None:
        """Write all that waits; a store that is away is tried again, unless told to stop."""
        with self._writing:
            with self._lock:
                if self._new:
                    self._pending.append(_PendingSegment(self._journal.rotate(), self._new))
                    self._new = []
            while self._pending:
                if not self._write_segment(self._pending[0], stop):
                    return
                with self._lock:
                    self._pending.popleft()

    def flush_once(self) -> None:
        """Write what waits if it can be done now: a true price finds only rows that are in the table."""
        once = Event()
        once.set()
        self.flush(once)

    def _write_segment(self, segment: _PendingSegment, stop: Event) -> bool:
        """False when told to stop before it could be done; then the file stays, for the next process."""
        for first in range(0, len(segment.rows), _BATCH):
            batch = segment.rows[first : first + _BATCH]
            while not self._try_write_batch(batch):
                if stop.wait(1.0):
                    return False
        segment.path.unlink(missing_ok=True)
        return True

    def _try_write_batch(self, batch: Sequence[PredictionRow]) -> bool:
        try:
            self.store.add(batch)
            self._event_log.append(PREDICTED.name, encode_messages(batch))
        except BookstreamError as error:
            _log.warning("predictions wait", rows=len(batch), reason=str(error))
            return False
        return True
