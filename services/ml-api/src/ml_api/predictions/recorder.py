"""Records predictions: in the journal before the response, from there in table and topic in batches.

A killed process loses no returned prediction: the next process on its machine stores it. Idempotent by id in
the table; an event may be published twice with the same id. Unavailable stores are retried; with more than
`_MAX_WAITING` rows waiting, new predictions are rejected.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

from bookcore.domain.errors import BookstreamError, Unavailable
from bookcore.event_log import EventLog
from bookcore.events.topics import PREDICTED
from bookcore.kit.logger import get_logger
from ml_api.predictions.events import encode_messages
from ml_api.predictions.journal import PredictionJournal
from ml_api.predictions.store import PredictionRow, PredictionStore

_FLUSH_INTERVAL = 0.1  # seconds; a row in a batch of ten costs five times as much as in one of a hundred
_MAX_WAITING = 100_000
_BATCH = 1_000
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _PendingSegment:
    """Rows to store, and their file, which is deleted afterwards."""

    path: Path
    rows: Sequence[PredictionRow]


class PredictionRecorder:
    """Safe for several threads; `run` is called by one."""

    def __init__(self, store: PredictionStore, log: EventLog, journal: PredictionJournal) -> None:
        self.store = store
        self._event_log = log
        self._journal = journal
        self._lock = Lock()
        self._writing = Lock()
        self._new: list[PredictionRow] = []
        self._pending: deque[_PendingSegment] = deque()

    def record(self, rows: list[PredictionRow]) -> None:
        """Write rows to the journal. Raises: Unavailable when it can't be written or too many rows wait."""
        with self._lock:
            if self._waiting + len(rows) > _MAX_WAITING:
                raise Unavailable("predictions can't be stored fast enough; retry later", retry_after=5.0)
            self._journal.append(rows)
            self._new += rows

    @property
    def waiting(self) -> int:
        """Number of predictions that are in the journal only."""
        with self._lock:
            return self._waiting

    @property
    def _waiting(self) -> int:
        return len(self._new) + sum(len(segment.rows) for segment in self._pending)

    def find(self, prediction_id: str) -> PredictionRow | None:
        """A prediction by id, also one that is not stored yet."""
        with self._lock:
            waiting = [*(row for segment in self._pending for row in segment.rows), *self._new]
        for row in waiting:
            if row["id"] == prediction_id:
                return row
        return self.store.get(prediction_id)

    def run(self, stop: Event) -> None:
        """Store the orphans of dead processes, then new rows until `stop` is set, then the rest."""
        for path, rows in self._journal.read_orphans():
            _log.warning("storing predictions of a dead process", rows=len(rows))
            if not self._write_segment(_PendingSegment(path, rows), stop):
                break
        while not stop.wait(_FLUSH_INTERVAL):
            self.flush(stop)
        self.flush(stop)
        self._journal.close()

    def flush(self, stop: Event) -> None:
        """Store all waiting rows; unavailable stores are retried until `stop` is set."""
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
        """Store waiting rows once, without retries: an observed price matches only rows of the table."""
        once = Event()
        once.set()
        self.flush(once)

    def _write_segment(self, segment: _PendingSegment, stop: Event) -> bool:
        """False when `stop` was set before all rows were stored; the file then stays for the next process."""
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
            _log.warning("predictions not stored; retrying", rows=len(batch), reason=str(error))
            return False
        return True
