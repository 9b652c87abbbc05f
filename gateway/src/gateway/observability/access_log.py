"""Access log and latency histograms of requests; recording is cheap, formatting happens later."""

import sys
from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple, TextIO

import orjson

from bookcore.kit.admin.metrics import read_version
from bookcore.kit.json_line import escape_line

LATENCY_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram's buckets, in seconds."""
_MOST_LINES = 500


class AccessRecord(NamedTuple):
    """A completed request; `route` is a prefix, `own` for the gateway's; `cache` as in Cache-Status.

    `status` is 0 when the client disconnected before a response; `address` is the client's, `parent` the span
    that it has sent.
    """

    method: str
    route: str
    path: str
    status: int
    seconds: float
    cache: bytes
    request_id: bytes
    traceparent: bytes
    user_id: str
    address: str
    parent: bytes = b""


class AccessLog:
    """Lines of JSON, written in batches: after 500 lines, and at every sweep."""

    def __init__(self, *, now: Callable[[], float], stream: TextIO | None = None) -> None:
        self._now = now
        self._stream = stream or sys.stderr
        self._version = read_version("gateway")
        self._lines: list[tuple[float, AccessRecord]] = []

    def add(self, answered: AccessRecord) -> None:
        self._lines.append((self._now(), answered))
        if len(self._lines) >= _MOST_LINES:
            self.flush()

    def flush(self) -> None:
        """Writes the pending lines."""
        lines, self._lines = self._lines, []
        if lines:
            text = b"".join(_format_line(logged, self._version) for logged in lines).decode()
            self._stream.write(escape_line(text))
            self._stream.flush()

    def sweep(self, now: float) -> None:
        self.flush()


class LatencyHistogram:
    """Of one method, route and status; the last of `bucket_counts` is above all bounds."""

    __slots__ = ("bucket_counts", "total_seconds")

    def __init__(self) -> None:
        self.bucket_counts = [0] * (len(LATENCY_BUCKETS) + 1)
        self.total_seconds = 0.0


class RequestRecorder:
    """Histograms by method, route and status, counts of unusual ends, log and spans."""

    def __init__(self, log: AccessLog | None) -> None:
        self.log = log
        self.spans: Callable[[AccessRecord], None] | None = None
        """Takes the requests of sampled traces where spans are sent to a collector."""
        self.slow_readers = self.websockets_opened = self.websockets_closed = 0
        self.histograms: dict[tuple[str, str, int], LatencyHistogram] = {}

    def record(self, answered: AccessRecord) -> None:
        """Counts, logs and traces a request."""
        self.count(answered.method, answered.route, answered.status, answered.seconds)
        if self.log is not None:
            self.log.add(answered)
        if self.spans is not None and answered.traceparent.endswith(b"1"):
            self.spans(answered)

    def needs_record(self, traceparent: bytes) -> bool:
        """Whether more than a count is wanted of a request."""
        return self.log is not None or (self.spans is not None and traceparent.endswith(b"1"))

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a request without logging it."""
        key = (method, route, status)
        tally = self.histograms.get(key)
        if tally is None:
            tally = self.histograms[key] = LatencyHistogram()
        tally.bucket_counts[bisect_left(LATENCY_BUCKETS, seconds)] += 1
        tally.total_seconds += seconds


def _format_line(logged: tuple[float, AccessRecord], version: str) -> bytes:
    at, record = logged
    method, route, path, status, seconds, cache, request_id, traceparent, user_id, address, _ = record
    fields = {
        "time": f"{_format_second(int(at))}.{int(at * 1_000) % 1_000:03d}Z",
        "level": "info",
        "logger": "gateway.access",
        "message": "request",
        "service": "gateway",
        "version": version,
        "trace_id": traceparent[3:35].decode("latin-1"),
        "span_id": traceparent[36:52].decode("latin-1"),
        "method": method,
        "route": route,
        "path": path,
        "status": status,
        "cache": cache.decode("latin-1"),
        "request_id": request_id.decode("latin-1"),
        "user_id": user_id,
        "address": address,
        "milliseconds": round(seconds * 1_000, 3),
    }
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


@lru_cache(maxsize=4)
def _format_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:19]
