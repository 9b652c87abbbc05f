"""Purges cached responses of changed books, from the event log."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from threading import Event, Thread

from bookcore.domain.errors import BookstreamError
from bookcore.event_log import Consumer, EventLog, Position
from bookcore.events.message import Record
from bookcore.events.topics import CHANGED
from bookcore.kit.logger import get_logger
from bookcore.kit.retry import run_until_stopped
from bookcore.kit.tracing.messages import MessageTracer
from bookcore.kit.tracing.tracer import Tracer
from gateway.routing.cache_tags import ALL, build_change_tags

_log = get_logger(__name__)
_POLL_SECONDS = 0.5
_BATCH = 1_000
_GROUP = "gateway.purge"
_LONGEST_INSTANCE = 60
"""Characters of an instance in a group's name; the names of pods have up to 253."""


class ChangeListener:
    """A thread that calls `on_change` (which may block) with the tags that a batch of changes purges.

    It starts at the end of the topic and purges everything first, which covers all earlier changes. The
    group of an instance is deleted at a clean stop, unless another worker of the instance still listens.
    """

    def __init__(
        self,
        log: EventLog,
        *,
        instance: str,
        on_change: Callable[[Sequence[str]], None],
        tracer: Tracer | None = None,
    ) -> None:
        self._event_log = log
        self._group = build_group_name(instance)
        self._is_temporary = bool(instance)
        self._on_change = on_change
        self._tracer = MessageTracer(tracer or Tracer())
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="purge", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Blocks until the thread has ended, at most a poll."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            run_until_stopped(
                self._listen, self._stopping, name="gateway.change_listener", retry_on=BookstreamError
            )
        except Exception:
            _log.exception("change listener stopped; cached responses expire by their lifetime only")
            raise

    def _listen(self) -> None:
        consumer = self._event_log.create_consumer(self._group, [CHANGED.name], start=self._find_end)
        try:
            consumer.poll(limit=1, timeout=0)
            self._on_change([ALL])
            while not self._stopping.is_set():
                self._process_batch(consumer)
        finally:
            consumer.close()
        if self._is_temporary:
            self._delete_group()

    def _delete_group(self) -> None:
        try:
            self._event_log.delete_group(self._group)
        except BookstreamError as error:
            _log.warning("the consumer group stays in the event log", group=self._group, error=str(error))

    def _process_batch(self, consumer: Consumer) -> None:
        records = consumer.poll(limit=_BATCH, timeout=_POLL_SECONDS)
        if records:
            tags = dict.fromkeys(tag for record in records for tag in build_change_tags(record.key))
            with self._tracer.process(records, group=self._group):
                self._on_change([ALL] if ALL in tags else list(tags))
            consumer.commit(_build_positions(records))

    def _find_end(self, topic: str, partition: int) -> int | None:
        progress = self._event_log.read_progress(topic, self._group)
        return next((p.end for p in progress if p.partition == partition), None)


def build_group_name(instance: str) -> str:
    """`gateway.purge`, with `.INSTANCE` where there are several; a long name is shortened and hashed."""
    if len(instance) > _LONGEST_INSTANCE:
        instance = f"{instance[:40]}-{sha256(instance.encode()).hexdigest()[:16]}"
    return f"{_GROUP}.{instance}" if instance else _GROUP


def _build_positions(records: Sequence[Record]) -> list[Position]:
    ends = {(record.topic, record.partition): record.offset + 1 for record in records}
    return [Position(topic, partition, offset) for (topic, partition), offset in ends.items()]
