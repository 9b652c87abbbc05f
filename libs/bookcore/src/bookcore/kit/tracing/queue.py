"""The spans that wait for the collector: bounded, and sent by a thread of their own."""

from collections import deque
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import Protocol

from bookcore.kit.logger import get_logger
from bookcore.kit.tracing.span import Span

QUEUE_LENGTH, _BATCH = 2_048, 512
_EVERY_SECONDS = 1.0
_CLOSE_SECONDS = 2.0
_log = get_logger(__name__)
CountSpans = Callable[[str, int], None]
"""Counts spans by outcome: sent, dropped (the queue was full) or failed (the collector didn't take them)."""


class SpanSender(Protocol):
    """Speaks to a collector."""

    def send(self, spans: Sequence[Span]) -> bool:
        """Whether the collector took them; blocks for seconds at most and raises nothing."""

    def close(self) -> None:
        """Ends a `send` that waits for its next try."""


class SpanQueue:
    """Never blocks who adds a span: a span that finds the queue full is dropped and counted."""

    def __init__(self, sender: SpanSender, count: CountSpans) -> None:
        self._sender, self._count = sender, count
        self._waiting: deque[Span] = deque()
        self._wake = Event()
        self._is_closing = self._is_failing = False
        self._thread = Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def add(self, span: Span) -> None:
        """Any thread may call it."""
        if len(self._waiting) >= QUEUE_LENGTH:
            self._count("dropped", 1)
            return
        self._waiting.append(span)
        if len(self._waiting) >= _BATCH:
            self._wake.set()

    def close(self) -> None:
        """Sends what waits, for two seconds at most."""
        self._is_closing = True
        self._wake.set()
        self._thread.join(_CLOSE_SECONDS)
        self._sender.close()

    def _run(self) -> None:
        is_last = False
        while not is_last:
            self._wake.wait(_EVERY_SECONDS)
            self._wake.clear()
            is_last = self._is_closing
            while self._waiting:
                self._send_batch()

    def _send_batch(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
        is_sent = self._sender.send(batch)
        self._count("sent" if is_sent else "failed", len(batch))
        if is_sent == self._is_failing:
            self._is_failing = not is_sent
            _log.warning("the collector of traces takes spans again" if is_sent else "spans can't be sent")
