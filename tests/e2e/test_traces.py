"""One trace from a fetched page to the purged cache, on the embedded stack, with and without a collector."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from tests.e2e.laptop import Laptop, RunningGateway
from tests.e2e.sites import SampleShop, run_sample_shop
from tests.observability.collector import Collector, ReceivedSpan, run_collector

from bookcore.events.message import Record
from bookcore.events.topics import CHANGED, OBSERVED
from bookcore.kit.tracing.messages import read_context

BOOKS = 12
FROM_PAGE_TO_CACHE = [
    ("scraper", "GET", ""),
    ("scraper", "send books.book.observed.v1", "GET"),
    ("ingestor", "process books.book.observed.v1", "send books.book.observed.v1"),
    ("ingestor", "send books.book.changed.v1", "process books.book.observed.v1"),
    ("ingestor", "send books.book.state.v1", "process books.book.observed.v1"),
    ("ingestor", "process books.book.state.v1", "send books.book.state.v1"),
    ("gateway", "process books.book.changed.v1", "send books.book.changed.v1"),
]
"""Service, span, and the span above it."""


@dataclass(frozen=True)
class Traced:
    laptop: Laptop
    shop: SampleShop
    collector: Collector
    gateway: RunningGateway

    def crawl(self, **environment: str) -> None:
        """A crawl of the shop until everything is searchable."""
        words = ("scraper", "crawl", "books_toscrape", "--url", self.shop.url)
        done = self.laptop.run_module(*words, **environment)
        assert done.code == 0, done.out + done.err
        self.laptop.wait_until_settled()

    def read_records(self, topic: str) -> list[Record]:
        with self.laptop.open_stores() as stores:
            return [record for p in range(4) for record in stores.log.read(topic, p, 0, 1_000)]


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    with ExitStack() as stack:
        collector = stack.enter_context(run_collector())
        shop = stack.enter_context(run_sample_shop("--books", str(BOOKS)))
        environment = {"BOOKSTREAM_TRACES_URL": collector.url, "BOOKSTREAM_TRACES_RATIO": "1"}
        laptop = Laptop(tmp_path_factory.mktemp("laptop"), environment)
        yield Traced(laptop, shop, collector, stack.enter_context(laptop.serve()))


def describe(spans: Sequence[ReceivedSpan]) -> list[tuple[str, str, str]]:
    """Service, name and parent's name of each."""
    names = {span.span_id: span.name for span in spans} | {"": ""}
    return sorted((span.service, span.name, names[span.parent]) for span in spans)


def group_by_trace(spans: Sequence[ReceivedSpan]) -> Mapping[str, list[ReceivedSpan]]:
    traces: dict[str, list[ReceivedSpan]] = {}
    for span in spans:
        traces.setdefault(span.trace_id, []).append(span)
    return traces


def test_one_trace_leads_from_the_fetched_page_to_the_purged_cache(traced: Traced) -> None:
    def list_of_books(spans: Sequence[ReceivedSpan]) -> list[list[ReceivedSpan]]:
        traces = group_by_trace(spans).values()
        return [trace for trace in traces if any("observed" in span.name for span in trace)]

    def is_complete(spans: Sequence[ReceivedSpan]) -> bool:
        """Each process sends its spans once a second."""
        full = [len(trace) >= len(FROM_PAGE_TO_CACHE) for trace in list_of_books(spans)]
        return len(full) == BOOKS and all(full)

    traced.crawl()
    of_books = list_of_books(traced.collector.wait_for(is_complete))
    for spans in of_books:
        assert describe(spans) == sorted(FROM_PAGE_TO_CACHE)
        assert not any(span.is_error for span in spans)
        by_name = {span.name: span.attributes for span in spans}
        assert str(by_name["GET"]["url.full"]).startswith(traced.shop.url)
        assert by_name["process books.book.changed.v1"]["messaging.consumer.group.name"] == "gateway.purge"


def test_a_read_is_one_trace_of_gateway_and_service(traced: Traced) -> None:
    traced.gateway.get("/v1/books?limit=3")

    def list_read(spans: Sequence[ReceivedSpan]) -> list[ReceivedSpan]:
        traces = group_by_trace(spans).values()
        found = [spans for spans in traces if any(span.service == "books-api" for span in spans)]
        return next((spans for spans in found if len(spans) > 1), [])

    spans = list_read(traced.collector.wait_for(lambda spans: bool(list_read(spans))))
    assert describe(spans) == [
        ("books-api", "GET /books", "GET /books"),
        ("gateway", "GET /books", ""),
    ]


def test_an_unsampled_trace_is_passed_on_and_has_no_span(traced: Traced) -> None:
    known = {(record.partition, record.offset) for record in traced.read_records(OBSERVED.name)}
    traced.shop.change_books(3)
    traced.crawl(BOOKSTREAM_TRACES_RATIO="0")
    fresh = [r for r in traced.read_records(OBSERVED.name) if (r.partition, r.offset) not in known]
    contexts = [read_context(record.headers) for record in fresh]
    assert len(contexts) == 3
    unsampled = {context.trace_id for context in contexts if context and not context.is_sampled}
    assert len(unsampled) == 3
    changed = [read_context(record.headers) for record in traced.read_records(CHANGED.name)]
    assert unsampled <= {context.trace_id for context in changed if context}
    traced.gateway.get("/v1/books?limit=2")
    assert unsampled.isdisjoint(span.trace_id for span in traced.collector.spans)


def test_crawl_and_reads_go_on_while_the_collector_is_away_slow_or_failing(traced: Traced) -> None:
    """Away for the scraper, slow, then failing for the others."""
    traced.collector.release.clear()
    traced.collector.status = 500
    try:
        traced.shop.change_books(2)
        traced.crawl(BOOKSTREAM_TRACES_URL="http://127.0.0.1:9")
        assert traced.gateway.get_json("/v1/books?limit=1")["items"]
        traced.collector.release.set()
        assert traced.gateway.get_json("/v1/books?limit=4")["items"]
    finally:
        traced.collector.status = 200
        traced.collector.release.set()
