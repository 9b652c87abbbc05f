"""Trace context in the headers of events, and the spans of sending and handling them.

A batch has one span for each of its sampled records, all as long as the batch, and none of its own: so a
trace stays one from the page to the cache; links from a span of the batch would cut it at every topic.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from bookcore.events.message import Headers, Message, Record
from bookcore.kit.tracing.context import TRACEPARENT, SpanContext, current_span, parse_traceparent
from bookcore.kit.tracing.span import SpanKind
from bookcore.kit.tracing.tracer import SpanDraft, Tracer

_Open = tuple[SpanDraft, SpanContext | None]


def read_context(headers: Headers) -> SpanContext | None:
    """The context that the publisher has put into the headers; None without a valid one."""
    for name, value in headers:
        if name == TRACEPARENT:
            return parse_traceparent(value)
    return None


def write_context(message: Message, context: SpanContext | None) -> Message:
    """The message with this context; unchanged for None."""
    if context is None:
        return message
    others = tuple(header for header in message.headers if header[0] != TRACEPARENT)
    return replace(message, headers=(*others, (TRACEPARENT, context.traceparent.encode())))


class MessageTracer:
    """Spans around the appends and handlers of a process."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def send(self, topic: str, messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
        """The block appends the messages that it gets: each has the context of its span of sending."""
        began = time.time_ns()
        opened: list[_Open] = []
        contexts = [read_context(message.headers) or current_span.get() for message in messages]
        attributes = _describe("send", topic)
        sent = [
            write_context(message, self._begin(opened, parent, attributes, key=message.key))
            for message, parent in zip(messages, contexts, strict=True)
        ]
        with self._end_all(f"send {topic}", SpanKind.PRODUCER, opened, began):
            yield sent

    @contextmanager
    def process(self, records: Sequence[Record], *, group: str) -> Iterator[Mapping[int, str]]:
        """The block handles records of one topic. By position: the traceparent for what a record causes."""
        began = time.time_ns()
        opened: list[_Open] = []
        topic = records[0].topic
        attributes = {
            **_describe("process", topic),
            "messaging.consumer.group.name": group,
            "messaging.batch.message_count": len(records),
        }
        caused: dict[int, str] = {}
        for position, record in enumerate(records):
            parent = read_context(record.headers)
            if parent is None:
                continue
            context = self._begin(opened, parent, attributes, key=record.key)
            if context is not parent:
                opened[-1][0].attributes["messaging.destination.partition.id"] = str(record.partition)
                opened[-1][0].attributes["messaging.message.offset"] = record.offset
            caused[position] = (context or parent).traceparent
        with self._end_all(f"process {topic}", SpanKind.CONSUMER, opened, began):
            yield caused

    def _begin(
        self,
        opened: list[_Open],
        parent: SpanContext | None,
        attributes: Mapping[str, str | int],
        *,
        key: str,
    ) -> SpanContext | None:
        context = self._tracer.begin(parent) if parent else None
        if context is not None and context is not parent:
            opened.append((SpanDraft(context, {**attributes, "messaging.message.key": key}), parent))
        return context

    @contextmanager
    def _end_all(self, name: str, kind: SpanKind, opened: Sequence[_Open], began: int) -> Iterator[None]:
        failure = ""
        try:
            yield
        except BaseException as error:
            failure = type(error).__name__
            raise
        finally:
            for draft, parent in opened:
                draft.error = failure
                self._tracer.end(name, kind, draft, parent, began)


def _describe(operation: str, topic: str) -> dict[str, str | int]:
    return {
        "messaging.system": "kafka",
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
        "messaging.destination.name": topic,
    }
