"""Pauses a source most of whose records are rejected; the other sources go on.

While a source is paused, its acceptable records become dead letters too, since they are most likely wrong as
well: `bookstream dlq redrive` sends them again. A source goes on by itself once nearly all of its records are
acceptable, and with a new start of the ingestor.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bookcore.domain.printed_listing import Remark
from bookcore.event_log.dead_letters import DeadLetterLimits
from bookcore.events.message import Batch, Record
from ingestor.accept import ValidatedBatch

_RECOVERED = 0.1
"""Share of rejected records in the window at which a paused source goes on."""

OnRemarks = Callable[[Sequence[tuple[str, Remark]]], None]
"""(source, remark) of each value of a batch that could not be read, once."""


class OnPause(Protocol):
    """Called after a source was paused or goes on, again after an error."""

    def __call__(self, source: str, *, is_paused: bool) -> None: ...


@dataclass(slots=True)
class _SourceWindow:
    recent: deque[bool]
    consecutive: int = 0
    is_paused: bool = False


@dataclass(frozen=True, slots=True)
class _Decision:
    """Of one batch: held offsets with their reasons."""

    first: int
    held: Mapping[int, str] = field(default_factory=dict)


class SourceGuard:
    """Judges the records of the observed topic, each once, in the order of its partition."""

    def __init__(
        self,
        limits: DeadLetterLimits | None = None,
        *,
        on_pause: OnPause = lambda source, *, is_paused: None,
        on_remarks: OnRemarks = lambda remarks: None,
    ) -> None:
        self._limits = limits or DeadLetterLimits()
        self._on_pause = on_pause
        self._on_remarks = on_remarks
        self._windows: dict[str, _SourceWindow] = {}
        self._announced: set[str] = set()
        self._decisions: dict[int, _Decision] = {}

    def hold(self, batch: Batch, validated: ValidatedBatch) -> ValidatedBatch:
        """The batch without the acceptable records of paused sources, which become rejected ones.

        Idempotent by the batch's first offset: one that is redelivered is decided as before.
        """
        bad = {one.record.offset for one in validated.rejected}
        decision = self._decisions.get(batch.partition)
        if decision is None or decision.first != batch.first:
            decision = _Decision(batch.first, self._decide(batch, bad))
            self._decisions[batch.partition] = decision
            self._on_remarks(validated.remarks)
        self._report_pauses()
        return validated.reject(batch, decision.held) if decision.held else validated

    def _decide(self, batch: Batch, bad: Collection[int]) -> Mapping[int, str]:
        held: dict[int, str] = {}
        for record in batch.records:
            source = get_source(record)
            is_bad = record.offset in bad
            if self._count(source, is_bad=is_bad) and not is_bad:
                held[record.offset] = f"source {source} is paused: too many of its records were rejected"
        return held

    def _count(self, source: str, *, is_bad: bool) -> bool:
        """Whether the source is paused after this record."""
        limits = self._limits
        window = self._windows.setdefault(source, _SourceWindow(deque(maxlen=limits.window)))
        window.recent.append(is_bad)
        window.consecutive = window.consecutive + 1 if is_bad else 0
        share = sum(window.recent) / limits.window if len(window.recent) == limits.window else None
        if window.is_paused:
            window.is_paused = share is None or share > _RECOVERED
        else:
            is_over = share is not None and share > limits.ratio
            window.is_paused = is_over or window.consecutive > limits.consecutive
        return window.is_paused

    def _report_pauses(self) -> None:
        paused = {source for source, window in self._windows.items() if window.is_paused}
        for source in sorted(paused ^ self._announced):
            self._on_pause(source, is_paused=source in paused)
            self._announced ^= {source}


def get_source(record: Record) -> str:
    """The first part of the record's key."""
    return record.key.partition(":")[0]
