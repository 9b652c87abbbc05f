"""The dead-letter queue of a consumer, and the limits at which the consumer stops."""

import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bookcore.domain.errors import BookstreamError
from bookcore.event_log import EventLog
from bookcore.event_log.oversized import KeepRecord, encode_fitting_letter
from bookcore.events.dead_letter import encode_dead_letter
from bookcore.events.message import Message, Record
from bookcore.events.topics import get_topic
from bookcore.kit.logger import get_logger

_log = get_logger(__name__)


class TooManyDeadLetters(BookstreamError):
    """Most likely the consumer is faulty, not the records: it stops before the topic is drained."""


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that cannot be accepted, with the reason in one line."""

    record: Record
    reason: str


@dataclass(frozen=True, slots=True)
class DeadLetterLimits:
    """Stop after `consecutive` rejections in a row, or when more than `ratio` of the last `window` were
    rejected.
    """

    consecutive: int = 100
    ratio: float = 0.5
    window: int = 200


NO_LIMITS = DeadLetterLimits(consecutive=sys.maxsize, ratio=1.0)
"""For a consumer that has limits of its own."""


OnHandled = Callable[[int, Sequence[RejectedRecord]], None]
"""(accepted, rejected): the records that were not handled before."""


class DeadLetterQueue:
    """The dead-letter topics of one consumer, with its limits. `on_handled` counts records, each once.

    `keep` stores a record that is too large for a dead letter.
    """

    def __init__(
        self,
        log: EventLog,
        limits: DeadLetterLimits | None = None,
        *,
        on_handled: OnHandled = lambda accepted, rejected: None,
        keep: KeepRecord | None = None,
    ) -> None:
        self._event_log = log
        self._on_handled = on_handled
        self._keep = keep
        self._limits = limits or DeadLetterLimits()
        self._recent: deque[bool] = deque(maxlen=self._limits.window)
        self._consecutive = 0
        self._counted: dict[tuple[str, int], int] = {}
        self._sent: dict[tuple[str, int], int] = {}

    def park(self, records: Sequence[Record], parked: Sequence[RejectedRecord]) -> None:
        """Sends the rejected ones of these records to their dead-letter topic; sends none when a limit is
        exceeded.

        Idempotent by offset: a batch that is redelivered is neither counted nor sent again.
        Raises: TooManyDeadLetters with the limit and the last reason.
        """
        new = [record for record in records if _is_new(record, self._counted)]
        self._count(new, parked)
        rejected = [one for one in parked if _is_new(one.record, self._counted)]
        self._on_handled(len(new) - len(rejected), rejected)
        _advance(records, self._counted)
        self._send([one for one in parked if _is_new(one.record, self._sent)])
        _advance(records, self._sent)

    def _send(self, parked: Sequence[RejectedRecord]) -> None:
        by_topic: dict[str, list[RejectedRecord]] = {}
        for one in parked:
            by_topic.setdefault(get_topic(one.record.topic).dead_letter_topic, []).append(one)
            _log.warning(
                "parked",
                topic=one.record.topic,
                partition=one.record.partition,
                offset=one.record.offset,
                key=one.record.key,
                reason=one.reason,
            )
        for topic, these in by_topic.items():
            self._event_log.append(topic, [self._encode(one) for one in these])

    def _encode(self, one: RejectedRecord) -> Message:
        if self._keep is None:
            return encode_dead_letter(one.record, one.reason)
        return encode_fitting_letter(one.record, one.reason, keep=self._keep)

    def _count(self, records: Sequence[Record], parked: Sequence[RejectedRecord]) -> None:
        bad = {one.record.offset: one.reason for one in parked}
        for record in records:
            is_bad = record.offset in bad
            self._recent.append(is_bad)
            self._consecutive = self._consecutive + 1 if is_bad else 0
            if self._consecutive > self._limits.consecutive:
                raise TooManyDeadLetters(
                    self._format_error(f"more than {self._limits.consecutive} in a row", bad)
                )
            full = len(self._recent) == self._limits.window
            if full and sum(self._recent) > self._limits.ratio * self._limits.window:
                share = f"more than {self._limits.ratio:.0%} of the last {self._limits.window}"
                raise TooManyDeadLetters(self._format_error(share, bad))

    def _format_error(self, what: str, bad: dict[int, str]) -> str:
        reason = next(reversed(bad.values()), "an earlier one")
        return (
            f"stopped: {what} records could not be accepted (last: {reason});"
            " mend the source or the reader and start again, nothing is lost"
        )


def _is_new(record: Record, done: dict[tuple[str, int], int]) -> bool:
    return record.offset >= done.get((record.topic, record.partition), 0)


def _advance(records: Sequence[Record], done: dict[tuple[str, int], int]) -> None:
    for record in records:
        place = (record.topic, record.partition)
        done[place] = max(done.get(place, 0), record.offset + 1)
