"""Publishes the messages of the catalogue's outbox in order and deletes them after the acknowledgement."""

from collections.abc import Callable, Sequence
from itertools import groupby
from threading import Event

from bookcore.catalogue import Catalogue, acquire_sender_lock, delete_sent, read_next_messages
from bookcore.event_log import EventLog
from bookcore.event_log.oversized import KeepRecord, append_or_park
from bookcore.events.message import Message
from bookcore.kit.failpoint import Failpoint, trigger_failpoint
from bookcore.kit.retry import run_until_stopped
from bookcore.kit.tracing.messages import MessageTracer
from bookcore.kit.tracing.tracer import Tracer

_BATCH = 1_000


class OutboxRelay:
    """At-least-once in order: a retry after a crash repeats event ids. A database lock allows one relay at
    a time."""

    def __init__(
        self,
        catalogue: Catalogue,
        log: EventLog,
        tracer: Tracer | None = None,
        *,
        keep: KeepRecord | None = None,
    ) -> None:
        """`keep` stores an event that is too large for the event log, so that it doesn't block the others."""
        self._catalogue = catalogue
        self._event_log = log
        self._keep = keep
        self._tracer = MessageTracer(tracer or Tracer())

    def run(self, stop: Event, outbox_ready: Event, on_turn: Callable[[], None] = lambda: None) -> None:
        """Relay whenever `outbox_ready` is set, and twice a second in any case."""

        def relay_all() -> None:
            on_turn()
            outbox_ready.wait(0.5)
            outbox_ready.clear()
            while self.relay_batch():
                on_turn()

        run_until_stopped(relay_all, stop, name="ingestor.relay")

    def relay_batch(self) -> int:
        """Publish the oldest messages; their number."""
        with self._catalogue.begin_read() as connection:
            if not read_next_messages(connection, 1):
                return 0
        with self._catalogue.begin_write() as connection:
            if not acquire_sender_lock(connection):
                return 0
            messages = read_next_messages(connection, _BATCH)
            for topic, group in groupby(sorted(messages, key=lambda o: o.topic), key=lambda o: o.topic):
                with self._tracer.send(topic, [item.message for item in group]) as outgoing:
                    self._append(topic, outgoing)
            trigger_failpoint(Failpoint.INGESTOR_AFTER_RELAY_APPEND)
            delete_sent(connection, messages)
        trigger_failpoint(Failpoint.INGESTOR_AFTER_RELAY_MARK)
        return len(messages)

    def _append(self, topic: str, messages: Sequence[Message]) -> None:
        if self._keep is None:
            self._event_log.append(topic, messages)
        else:
            append_or_park(self._event_log, topic, messages, keep=self._keep)
