"""The trace of an observation continues in the events that it causes, with and without a collector."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bookcore.catalogue import Catalogue, open_catalogue
from bookcore.event_log import EventLog, open_event_log
from bookcore.event_log.consumer_loop import split_batches
from bookcore.event_log.dead_letters import DeadLetterQueue
from bookcore.events.codec import encode
from bookcore.events.message import Record
from bookcore.events.topics import CHANGED, OBSERVED, STATE
from bookcore.kit.tracing.context import SpanContext
from bookcore.kit.tracing.messages import read_context, write_context
from bookcore.kit.tracing.span import Span
from bookcore.kit.tracing.tracer import Tracer
from bookcore.lake import Lake, open_lake
from bookcore.testing.builders import make_book, make_observation
from ingestor.catalogue import CatalogueSink
from ingestor.relay import OutboxRelay

SAMPLED = SpanContext("a" * 32, "b" * 16, is_sampled=True)
UNSAMPLED = SpanContext("c" * 32, "d" * 16, is_sampled=False)


@dataclass(frozen=True)
class Stores:
    log: EventLog
    lake: Lake
    catalogue: Catalogue

    def relay(self, contexts: dict[str, SpanContext | None], tracer: Tracer) -> dict[str, list[Record]]:
        """Observes a book for each id and relays what it causes; the records by topic."""
        self.log.append(
            OBSERVED.name,
            [
                write_context(encode(make_observation(make_book(name)), source="test"), context)
                for name, context in contexts.items()
            ],
        )
        sink = CatalogueSink(self.lake, self.catalogue, DeadLetterQueue(self.log), tracer=tracer)
        for batch in split_batches(self.read(OBSERVED.name)):
            sink.handle(batch)
        relay = OutboxRelay(self.catalogue, self.log, tracer)
        while relay.relay_batch():
            pass
        return {topic: self.read(topic) for topic in (CHANGED.name, STATE.name)}

    def read(self, topic: str) -> list[Record]:
        return [record for p in range(4) for record in self.log.read(topic, p, 0, 100)]


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    stores = Stores(
        open_event_log(f"sqlite://{tmp_path}/log.db"),
        open_lake(f"file://{tmp_path}/lake"),
        open_catalogue(f"sqlite:///{tmp_path}/catalogue.db"),
    )
    yield stores
    for store in (stores.log, stores.lake, stores.catalogue):
        store.close()


def test_without_a_collector_the_context_reaches_every_event_unchanged(stores: Stores) -> None:
    relayed = stores.relay({"u1": SAMPLED, "u2": UNSAMPLED, "u3": None}, Tracer())
    for records in relayed.values():
        found = {record.key.rpartition(":")[2]: read_context(record.headers) for record in records}
        assert found == {"u1": SAMPLED, "u2": UNSAMPLED, "u3": None}


def test_each_sampled_record_has_a_chain_of_spans_and_the_lake_keeps_its_header(stores: Stores) -> None:
    spans: list[Span] = []
    relayed = stores.relay({"u1": SAMPLED, "u2": UNSAMPLED}, Tracer(spans.append, ratio=1))
    process, *sends = spans
    assert (process.name, process.parent) == (f"process {OBSERVED.name}", SAMPLED)
    assert {(span.name, span.parent) for span in sends} == {
        (f"send {topic}", process.context) for topic in relayed
    }
    for records in relayed.values():
        contexts = [read_context(record.headers) for record in records]
        assert UNSAMPLED in contexts
        assert {context for context in contexts if context and context.is_sampled} <= {
            span.context for span in sends
        }
    observed = {read_context(record.headers) for record in stores.read(OBSERVED.name)}
    assert observed == {SAMPLED, UNSAMPLED}
