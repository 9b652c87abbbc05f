"""A small OpenTelemetry collector: takes spans by OTLP over HTTP and remembers them."""

import gzip
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

WITHIN = 60.0
"""Seconds until spans must have come."""


@dataclass(frozen=True)
class ReceivedSpan:
    """Ids in hexadecimal; `parent` "" for the first span of a trace."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent: str
    seconds: float
    is_error: bool
    attributes: dict[str, str | int]


@dataclass
class Collector:
    """`status` is what it answers; until `release` is set it answers nothing."""

    status: int = 200
    url: str = ""
    spans: list[ReceivedSpan] = field(default_factory=list)
    requests: int = 0
    arrived: Event = field(default_factory=Event)
    release: Event = field(default_factory=Event)

    def wait_for(self, is_complete: Callable[[Sequence[ReceivedSpan]], bool]) -> Sequence[ReceivedSpan]:
        """The spans, once they are complete."""
        pause = Event()
        for _ in range(int(WITHIN / 0.05)):
            if is_complete(spans := list(self.spans)):
                return spans
            pause.wait(0.05)
        raise AssertionError(f"not complete: {[(span.service, span.name) for span in spans]}")

    def take(self, body: bytes) -> bytes:
        """Remembers the spans of a request; the response."""
        request = ExportTraceServiceRequest.FromString(body)
        for part in request.resource_spans:
            service = _read_attributes(part.resource.attributes)["service.name"]
            for scope in part.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        ReceivedSpan(
                            service=str(service),
                            name=span.name,
                            trace_id=span.trace_id.hex(),
                            span_id=span.span_id.hex(),
                            parent=span.parent_span_id.hex(),
                            seconds=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                            is_error=span.status.code == 2,
                            attributes=_read_attributes(span.attributes),
                        )
                    )
        return bytes(ExportTraceServiceResponse().SerializeToString())


@contextmanager
def run_collector() -> Iterator[Collector]:
    """A collector on a free port."""
    collector = Collector()
    collector.release.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            collector.requests += 1
            collector.arrived.set()
            collector.release.wait(WITHIN)
            answer = collector.take(body) if collector.status == 200 and self.path == "/v1/traces" else b""
            self.send_response(collector.status)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield collector
    finally:
        collector.release.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _read_attributes(attributes: Sequence[KeyValue]) -> dict[str, str | int]:
    return {
        each.key: each.value.string_value if each.value.HasField("string_value") else each.value.int_value
        for each in attributes
    }
