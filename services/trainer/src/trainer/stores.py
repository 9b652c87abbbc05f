"""Stores of the trainer's jobs."""

import time
from dataclasses import dataclass, field

from bookcore.event_log import EventLog
from bookcore.kit.admin.metrics import ProcessMetrics
from bookcore.kit.clock import Clock
from bookcore.lake import Lake
from bookml.registry import ModelRegistry


@dataclass(frozen=True, slots=True)
class TrainerStores:
    """Event log, lake, registry, clock and metrics of a job."""

    log: EventLog
    lake: Lake
    registry: ModelRegistry
    clock: Clock
    metrics: ProcessMetrics = field(default_factory=lambda: ProcessMetrics("trainer"))

    def record_run(self, source: str, result: str) -> None:
        """A training has ended."""
        self.metrics.count("trainer_runs_total", source, result)
        self.metrics.set("trainer_last_run_timestamp_seconds", source, value=time.time())
