"""Traces: contexts are passed on, spans are sent, and the collector is never waited for."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event

import pytest
from tests.observability.collector import run_collector

from bookcore.events.message import Message, Record
from bookcore.kit.admin.metrics import ProcessMetrics
from bookcore.kit.tracing.context import SpanContext, create_root, current_span, parse_traceparent
from bookcore.kit.tracing.messages import MessageTracer, read_context, write_context
from bookcore.kit.tracing.options import TraceOptions
from bookcore.kit.tracing.queue import QUEUE_LENGTH, SpanQueue
from bookcore.kit.tracing.span import Span, SpanKind
from bookcore.kit.tracing.tracer import Tracer, open_tracer
from bookcore.testing.builders import EPOCH

SAMPLED = SpanContext("a" * 32, "b" * 16, is_sampled=True)
UNSAMPLED = SpanContext("c" * 32, "d" * 16, is_sampled=False)


def count(metrics: ProcessMetrics, outcome: str) -> float:
    for line in metrics.render().decode().splitlines():
        if line.startswith(f'bookstream_spans_total{{outcome="{outcome}"}}'):
            return float(line.split()[-1])
    return 0.0


def make_span() -> Span:
    context = create_root(ratio=1)
    return Span(name="x", kind=SpanKind.SERVER, context=context, parent=None, began=1, ended=2)


def make_record(context: SpanContext | None, offset: int = 0) -> Record:
    message = write_context(Message("shop:1", b"{}", (("ce_id", b"1"),)), context)
    return Record("topic", 0, offset, EPOCH, message.key, message.value, message.headers)


class BlockedSender:
    """Takes nothing until it is released."""

    def __init__(self) -> None:
        self.is_sending, self.release = Event(), Event()

    def send(self, spans: Sequence[Span]) -> bool:
        self.is_sending.set()
        return self.release.wait(30)

    def close(self) -> None:
        self.release.set()


@contextmanager
def trace(url: str) -> Iterator[tuple[Tracer, ProcessMetrics]]:
    metrics = ProcessMetrics("ingestor")
    tracer = open_tracer(TraceOptions(url, 1.0), metrics)
    try:
        yield tracer, metrics
    finally:
        tracer.close()


def fail(tracer: Tracer) -> str:
    """A span that ends with an error; its id."""
    span_id = ""
    with suppress(OSError), tracer.start_span("work", SpanKind.CLIENT, SAMPLED, {"a": "b", "n": 1}) as draft:
        assert draft is not None
        span_id = draft.context.span_id
        raise OSError("x")
    return span_id


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"00-" + b"a" * 32 + b"-" + b"b" * 16,
        b"00-" + b"0" * 32 + b"-" + b"b" * 16 + b"-01",
        b"00-" + b"a" * 32 + b"-" + b"0" * 16 + b"-01",
        b"00-" + b"A" * 32 + b"-" + b"b" * 16 + b"-01",
        b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01\n",
        b"\xff" * 55,
    ],
)
def test_an_invalid_traceparent_is_no_context(value: bytes) -> None:
    assert parse_traceparent(value) is None


def test_a_traceparent_is_read_as_it_was_written() -> None:
    for context in (SAMPLED, UNSAMPLED):
        assert parse_traceparent(context.traceparent.encode()) == context


def test_without_a_collector_contexts_are_passed_on_unchanged() -> None:
    tracer = MessageTracer(Tracer())
    message = write_context(Message("k", b"v"), SAMPLED)
    with tracer.send("topic", [message, Message("k", b"v")]) as sent:
        assert list(sent) == [message, Message("k", b"v")]
    with tracer.process([make_record(SAMPLED), make_record(None, 1)], group="g") as caused:
        assert caused == {0: SAMPLED.traceparent}


def test_without_a_collector_the_client_is_not_loaded() -> None:
    """FastAPI imports the interface of OpenTelemetry by itself where it finds it."""
    code = (
        "import sys, bookcore.kit.app, bookcore.kit.logging\n"
        "from bookcore.kit.admin.service import ServiceAdmin\n"
        "ServiceAdmin('books-api', {}, request_prefix='books_api')\n"
        "client = ('opentelemetry.sdk', 'opentelemetry.exporter')\n"
        "print([name for name in sys.modules if name.startswith(client)])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_spans_of_messages_continue_the_trace_of_their_headers() -> None:
    spans: list[Span] = []
    tracer = MessageTracer(Tracer(spans.append, ratio=0))
    with tracer.process([make_record(SAMPLED), make_record(UNSAMPLED, 1)], group="g") as caused:
        pass
    (processed,) = spans
    assert (processed.parent, processed.context.trace_id) == (SAMPLED, SAMPLED.trace_id)
    assert caused == {0: processed.context.traceparent, 1: UNSAMPLED.traceparent}
    with tracer.send("next", [write_context(Message("k", b"v"), processed.context)]) as (sent,):
        pass
    assert spans[-1].parent == processed.context
    assert read_context(sent.headers) == spans[-1].context


def test_an_event_belongs_to_the_span_that_publishes_it() -> None:
    token = current_span.set(SAMPLED)
    with MessageTracer(Tracer()).send("topic", [Message("k", b"v")]) as (sent,):
        assert read_context(sent.headers) == SAMPLED
    current_span.reset(token)


def test_a_failure_is_the_error_of_the_span() -> None:
    spans: list[Span] = []
    tracer = MessageTracer(Tracer(spans.append))
    with pytest.raises(KeyError), tracer.process([make_record(SAMPLED)], group="g"):
        raise KeyError("x")
    assert [span.error for span in spans] == ["KeyError"]


def test_a_full_queue_drops_and_counts_spans_and_never_blocks() -> None:
    sender, metrics = BlockedSender(), ProcessMetrics("ingestor")
    queue = SpanQueue(
        sender, lambda outcome, number: metrics.count("bookstream_spans_total", outcome, by=number)
    )
    while not sender.is_sending.is_set():
        queue.add(make_span())
    for _ in range(QUEUE_LENGTH + 10):
        queue.add(make_span())
    assert count(metrics, "dropped") >= 10
    sender.release.set()
    queue.close()
    assert count(metrics, "sent") >= QUEUE_LENGTH


def test_spans_reach_the_collector_with_ids_parent_times_and_error() -> None:
    with run_collector() as collector, trace(collector.url) as (tracer, metrics):
        span_id = fail(tracer)
        with tracer.start_span("none", SpanKind.CLIENT, UNSAMPLED, {}):
            pass
        (span,) = collector.wait_for(lambda spans: len(spans) == 1)
        assert (span.service, span.name, span.is_error) == ("ingestor", "work", True)
        assert (span.trace_id, span.span_id, span.parent) == (
            SAMPLED.trace_id,
            span_id,
            SAMPLED.span_id,
        )
        assert span.attributes == {"a": "b", "n": 1}
        assert 0 <= span.seconds < 30
    assert count(metrics, "sent") == 1


@pytest.mark.parametrize("kind", ["slow", "failing", "away"])
def test_a_collector_that_takes_no_spans_is_counted_and_stops_nothing(kind: str) -> None:
    with run_collector() as collector:
        collector.status = 400 if kind == "failing" else 200
        if kind == "slow":
            collector.release.clear()
        url = "http://127.0.0.1:9" if kind == "away" else collector.url
        with trace(url) as (tracer, metrics):
            began = time.monotonic()
            with tracer.start_span("work", SpanKind.CLIENT, SAMPLED, {}):
                pass
            assert time.monotonic() - began < 1
            if kind == "failing":
                collector.arrived.wait(30)
        assert time.monotonic() - began < 10
        assert count(metrics, "sent") == 0
        if kind == "failing":
            assert count(metrics, "failed") == 1


def test_a_share_of_the_traces_that_begin_is_sampled() -> None:
    sampled = sum(create_root(ratio=0.25).is_sampled for _ in range(4_000))
    assert 800 < sampled < 1_200
    assert not any(create_root(ratio=0).is_sampled for _ in range(100))
    assert all(create_root(ratio=1).is_sampled for _ in range(100))
