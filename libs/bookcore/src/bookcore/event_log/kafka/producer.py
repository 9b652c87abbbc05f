"""Sends messages to Kafka and awaits each acknowledgement."""

from collections.abc import Sequence
from itertools import islice
from threading import Lock

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError

from bookcore.event_log import Position
from bookcore.event_log.kafka.address import DELIVERY_MS, KafkaAddress, translate_errors
from bookcore.events.message import Message

_PATIENCE = 1.5 * DELIVERY_MS / 1_000  # seconds
_IN_FLIGHT = 5_000
"""Messages of one append that wait for their acknowledgement at a time; the client has no bound."""


class TopicProducer:
    """One producer for all threads, created at the first append.

    The client expires a message after its delivery timeout, except while it waits for its producer id or
    epoch: then nothing expires, and after a lost reply (a killed broker) it waits forever. A producer
    without progress for `patience` seconds is therefore replaced.
    """

    def __init__(self, address: KafkaAddress, *, patience: float = _PATIENCE) -> None:
        self._address = address
        self._patience = patience
        self._making = Lock()
        self._producer: KafkaProducer | None = None

    def append(self, topic: str, messages: Sequence[tuple[int, Message]]) -> Sequence[Position]:
        """Sends to the named partitions, in order; returns once all are acknowledged."""
        rest = iter(messages)
        positions: list[Position] = []
        with translate_errors(self._address):
            producer = self._create_producer()
            while piece := list(islice(rest, _IN_FLIGHT)):
                try:
                    positions += self._send(producer, topic, piece)
                except KafkaTimeoutError:
                    self._discard(producer)
                    raise
        return positions

    def _send(
        self, producer: KafkaProducer, topic: str, piece: Sequence[tuple[int, Message]]
    ) -> Sequence[Position]:
        name = self._address.prefix + topic
        sent = [
            producer.send(
                name,
                value=message.value,
                key=message.key.encode(),
                headers=list(message.headers),
                partition=partition,
            )
            for partition, message in piece
        ]
        producer.flush(timeout=self._patience)
        answers = [future.get() for future in sent]
        return [Position(topic, answer.partition, answer.offset) for answer in answers]

    def close(self) -> None:
        """Frees the connections; nothing is queued, because every append was awaited."""
        with self._making:
            if self._producer is not None:
                self._producer.close(timeout=1)
                self._producer = None

    def _discard(self, producer: KafkaProducer) -> None:
        """Ends the sender thread: the producer's own close would wait for the lost reply."""
        producer._sender.force_close()  # the client has no public way
        with self._making:
            if self._producer is producer:
                self._producer = None

    def _create_producer(self) -> KafkaProducer:
        with self._making:
            if self._producer is None:
                self._producer = KafkaProducer(**self._address.build_producer_settings())
            return self._producer
