"""Sends spans to an OpenTelemetry collector by OTLP over HTTP.

The client reads further settings from the standard variables: OTEL_EXPORTER_OTLP_HEADERS, _CERTIFICATE,
_CLIENT_KEY, _CLIENT_CERTIFICATE, _COMPRESSION.
"""

import logging
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanKind, StatusCode, TraceFlags, set_span_in_context
from opentelemetry.trace import SpanContext as OtelContext

from bookcore.kit.tracing.context import SpanContext
from bookcore.kit.tracing.span import Span

_SECONDS = 5
"""For one batch with all its tries."""
_PATH = "/v1/traces"


class _GivenIds(IdGenerator):
    """Spans have their ids from the start, since those were passed on in headers before the span ended."""

    def __init__(self) -> None:
        self.context = SpanContext("", "", is_sampled=True)

    def generate_span_id(self) -> int:
        return int(self.context.span_id, 16)

    def generate_trace_id(self) -> int:
        return int(self.context.trace_id, 16)


class _EndedSpans(SpanProcessor):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


class OtlpSender:
    """`url` is the collector's, such as `http://collector:4318`; used by one thread."""

    def __init__(self, url: str, *, process: str, version: str) -> None:
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # SpanQueue logs the first failure
        endpoint = url.rstrip("/").removesuffix(_PATH) + _PATH
        self._exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_SECONDS)
        self._ids, self._ended = _GivenIds(), _EndedSpans()
        resource = {"service.namespace": "bookstream", "service.name": process, "service.version": version}
        provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource.create(resource),
            shutdown_on_exit=False,
            id_generator=self._ids,
            span_limits=SpanLimits(max_attribute_length=1_024),
        )
        provider.add_span_processor(self._ended)
        self._tracer = provider.get_tracer("bookstream", version)

    def send(self, spans: Sequence[Span]) -> bool:
        self._ended.spans.clear()
        for span in spans:
            self._convert(span)
        try:
            return self._exporter.export(self._ended.spans) is SpanExportResult.SUCCESS
        except Exception:  # noqa: BLE001 - whatever the client raises, traces must not end the service
            return False

    def close(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # the client has no type for it

    def _convert(self, span: Span) -> None:
        self._ids.context = span.context
        parent = set_span_in_context(NonRecordingSpan(_to_otel(span.parent))) if span.parent else None
        started = self._tracer.start_span(
            span.name,
            parent,
            kind=SpanKind[span.kind.name],
            attributes=dict(span.attributes),
            start_time=span.began,
        )
        if span.error:
            started.set_status(StatusCode.ERROR, span.error)
        started.end(span.ended)


def create_sender(url: str, *, process: str, version: str) -> OtlpSender:
    """A sender of the spans of a process."""
    return OtlpSender(url, process=process, version=version)


def _to_otel(context: SpanContext) -> OtelContext:
    return OtelContext(
        int(context.trace_id, 16),
        int(context.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
