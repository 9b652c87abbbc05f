"""Stores of the trainer's jobs."""

from dataclasses import dataclass

from bookcore.event_log import EventLog
from bookcore.kit.clock import Clock
from bookcore.lake import Lake
from bookml.registry import ModelRegistry


@dataclass(frozen=True, slots=True)
class TrainerStores:
    """Event log, lake, registry and clock of a job."""

    log: EventLog
    lake: Lake
    registry: ModelRegistry
    clock: Clock
