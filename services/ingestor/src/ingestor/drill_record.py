"""Tells the age and the figures of the last restore drill that ended equal, from its record in the lake."""

from datetime import datetime
from threading import Event

from bookcore.kit.admin.metrics import ProcessMetrics
from bookcore.lake import Lake
from bookcore.lake.layout import DRILLS, unpack_lines
from ingestor.measurements import repeat_until

READ_SECONDS = 600.0


class DrillRecord:
    """Sets the gauges every ten minutes; all are 0 until there was a drill."""

    def __init__(self, lake: Lake, metrics: ProcessMetrics) -> None:
        self._lake, self._metrics = lake, metrics

    def run(self, stop: Event) -> None:
        """Reads until `stop` is set."""
        repeat_until(stop, self.read, every=READ_SECONDS, failure="the last drill can't be read")

    def read(self) -> None:
        """Raises: Unavailable; Invalid when the record is damaged."""
        ended = recovery = age = 0.0
        if key := max(self._lake.list(DRILLS), default=None):
            (row,) = unpack_lines(self._lake.get(key))
            ended = datetime.fromisoformat(row["ended_at"]).timestamp()
            recovery, age = float(row["rto_seconds"]), float(row["rpo_seconds"] or 0)
        self._metrics.set("ingestor_drill_timestamp_seconds", value=ended)
        self._metrics.set("ingestor_drill_recovery_seconds", value=recovery)
        self._metrics.set("ingestor_drill_event_age_seconds", value=age)
