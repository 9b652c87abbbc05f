"""What a process counts, as plain numbers that can be written to a file and added up."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import orjson

from gateway.cache.response_cache import ResponseCache
from gateway.observability.access_log import LatencyHistogram, RequestRecorder
from gateway.ratelimit.address_limiter import AddressLimiter
from gateway.routing.routes import Service
from gateway.upstream.upstream import Upstream

Sample = tuple[str, ...]
"""A metric's name and its label values; for a histogram the last is the index of a bucket."""
SUM = "sum"
"""In the place of a bucket's index: the sum of seconds."""


@dataclass(frozen=True, slots=True)
class Counters:
    """`counts` only grow and outlive their process; `gauges` end with it."""

    counts: Mapping[Sample, float]
    gauges: Mapping[Sample, float]

    def pack(self) -> bytes:
        return orjson.dumps([[[*key], value] for key, value in self.counts.items()]) + (
            b"\n" + orjson.dumps([[[*key], value] for key, value in self.gauges.items()])
        )

    @classmethod
    def unpack(cls, packed: bytes) -> "Counters":
        """Parses what `pack` wrote."""
        counts, levels = (
            {tuple(key): value for key, value in orjson.loads(line)} for line in packed.split(b"\n")
        )
        return cls(counts, levels)


NO_COUNTERS = Counters({}, {})


def sum_counters(parts: Iterable[Counters]) -> Counters:
    """The sum of counts and of gauges over all processes."""
    counts: Counter[Sample] = Counter()
    levels: Counter[Sample] = Counter()
    for part in parts:
        counts.update(part.counts)
        levels.update(part.gauges)
    return Counters(counts, levels)


def collect_counters(
    *,
    recorder: RequestRecorder,
    cache: ResponseCache,
    address_limiter: AddressLimiter,
    upstreams: Mapping[Service, Upstream],
    count_connections: Callable[[], int],
) -> Counters:
    """The counters and gauges of this process, now."""
    counts = {
        **_collect_requests(recorder),
        ("gateway_requests_counted_locally",): cache.counted_locally,
        ("gateway_address_limited_requests",): address_limiter.refused_count,
        ("gateway_slow_readers",): recorder.slow_readers,
        ("gateway_websockets_opened",): recorder.websockets_opened,
        **_collect_failures(upstreams),
        **_collect_resolutions(upstreams),
    }
    gauges = {
        ("gateway_workers",): 1,
        ("gateway_websockets",): recorder.websockets_opened - recorder.websockets_closed,
        ("gateway_cache_bytes",): cache.local.bytes,
        ("gateway_cache_entries",): len(cache.local),
        ("gateway_connections",): count_connections(),
        **_collect_upstream_gauges(upstreams),
    }
    return Counters(counts, gauges)


def _collect_requests(recorder: RequestRecorder) -> dict[Sample, float]:
    samples: dict[Sample, float] = {}
    by_route: dict[str, list[LatencyHistogram]] = defaultdict(list)
    for (method, route, status), histogram in recorder.histograms.items():
        samples["gateway_requests", method, route, str(status)] = sum(histogram.bucket_counts)
        by_route[route].append(histogram)
    for route, histograms in by_route.items():
        buckets = zip(*(histogram.bucket_counts for histogram in histograms), strict=True)
        for index, counts in enumerate(buckets):
            samples["gateway_request_seconds", route, str(index)] = sum(counts)
        samples["gateway_request_seconds", route, SUM] = sum(h.total_seconds for h in histograms)
    return samples


def _collect_failures(upstreams: Mapping[Service, Upstream]) -> dict[Sample, float]:
    return {
        ("gateway_upstream_request_failures", upstream.name, failure.name.lower()): count
        for upstream in upstreams.values()
        for failure, count in upstream.failures.items()
    }


def _collect_resolutions(upstreams: Mapping[Service, Upstream]) -> dict[Sample, float]:
    return {
        ("gateway_upstream_resolutions", upstream.name, outcome): count
        for upstream in upstreams.values()
        for outcome, count in upstream.resolutions.items()
        if count
    }


def _collect_upstream_gauges(upstreams: Mapping[Service, Upstream]) -> dict[Sample, float]:
    samples: dict[Sample, float] = {}
    for upstream in upstreams.values():
        samples["gateway_upstream_breaker_open", upstream.name] = float(upstream.breaker.is_open)
        ejected = upstream.balancer.list_ejected()
        for address in upstream.balancer.addresses.values():
            labels = (upstream.name, address.url)
            samples["gateway_upstream_outstanding", *labels] = address.outstanding
            samples["gateway_upstream_ejected", *labels] = float(address in ejected)
    return samples
