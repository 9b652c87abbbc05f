"""What the trainer's jobs read and write."""

from dataclasses import dataclass

from bookcore.event_log import EventLog
from bookcore.kit.clock import Clock
from bookcore.lake import Lake
from bookml.registry import ModelRegistry


@dataclass(frozen=True, slots=True)
class TrainerStores:
    """What a job reads and writes."""

    log: EventLog
    lake: Lake
    registry: ModelRegistry
    clock: Clock
