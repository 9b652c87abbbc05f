"""Pauses of sources: a gauge, a line in the log, a record in the lake that `bookstream status` reads,
and a row in the catalogue for the API."""

from bookcore.catalogue import Catalogue, runs
from bookcore.kit.admin.metrics import ProcessMetrics
from bookcore.kit.clock import Clock
from bookcore.kit.logger import get_logger
from bookcore.lake import Lake
from bookcore.lake.pauses import list_paused_sources, record_pause

_log = get_logger(__name__)


class PauseBook:
    """Makes a change of a source's pause known. A new start of the ingestor ends all pauses."""

    def __init__(self, lake: Lake, catalogue: Catalogue, metrics: ProcessMetrics, clock: Clock) -> None:
        self._lake, self._catalogue = lake, catalogue
        self._metrics, self._clock = metrics, clock

    def end_all(self) -> None:
        """Raises: Unavailable."""
        for source in list_paused_sources(self._lake):
            self.record(source, is_paused=False)

    def record(self, source: str, *, is_paused: bool) -> None:
        """Raises: Unavailable."""
        now = self._clock.now()
        record_pause(self._lake, source, at=now, is_paused=is_paused)
        with self._catalogue.begin_write() as connection:
            runs.record_pause(connection, source, at=now if is_paused else None)
        self._metrics.set("ingestor_source_paused", source, value=float(is_paused))
        text = "source paused: too many of its records are rejected" if is_paused else "source goes on"
        _log.warning(text, source=source)
