"""Spans of requests, made of what the access log knows."""

import time
from collections.abc import Callable

from bookcore.kit.request_metrics import describe_request, explain_status
from bookcore.kit.tracing.context import SpanContext, parse_traceparent
from bookcore.kit.tracing.span import Span, SpanKind
from gateway.observability.access_log import AccessRecord


def build_span(answered: AccessRecord) -> Span | None:
    """The span of a request that has just ended; None for one without a trace."""
    context = parse_traceparent(answered.traceparent)
    if context is None:
        return None
    parent = None
    if answered.parent:
        parent = SpanContext(context.trace_id, answered.parent.decode(), context.is_sampled)
    attributes = describe_request(answered.method, answered.route, answered.path, answered.status)
    attributes["bookstream.cache"] = answered.cache.decode("latin-1")
    ended = time.time_ns()
    return Span(
        name=f"{answered.method} {answered.route}",
        kind=SpanKind.SERVER,
        context=context,
        parent=parent,
        began=ended - int(answered.seconds * 1e9),
        ended=ended,
        attributes=attributes,
        error=explain_status(answered.status),
    )


def create_span_recorder(add: Callable[[Span], None]) -> Callable[[AccessRecord], None]:
    """Adds the span of each request that it is called with."""

    def record(answered: AccessRecord) -> None:
        span = build_span(answered)
        if span is not None:
            add(span)

    return record
