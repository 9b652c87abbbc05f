"""What a process has counted, as plain numbers that can be written down and added to those of another."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import orjson

from gateway.cache.response_cache import ResponseCache
from gateway.observability.access_log import LatencyHistogram, RequestRecorder
from gateway.ratelimit.address_limiter import AddressLimiter
from gateway.routing.routes import Service
from gateway.upstream.upstream import Upstream

Sample = tuple[str, ...]
"""A metric's name and the values of its labels; a bucket has its number as the last."""
SUM = "sum"
"""In the place of a bucket's number: all seconds."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Where the numbers are."""

    observer: RequestRecorder
    store: ResponseCache
    connections: Callable[[], int]
    crowd: AddressLimiter
    upstreams: Mapping[Service, Upstream]


@dataclass(frozen=True, slots=True)
class Counters:
    """`counts` only grow and outlive their process; `levels` are as they are now and end with it."""

    counts: Mapping[Sample, float]
    gauges: Mapping[Sample, float]

    def pack(self) -> bytes:
        """As JSON."""
        return orjson.dumps([[[*key], value] for key, value in self.counts.items()]) + (
            b"\n" + orjson.dumps([[[*key], value] for key, value in self.gauges.items()])
        )

    @classmethod
    def unpack(cls, packed: bytes) -> "Counters":
        """The inverse of pack."""
        counts, levels = (
            {tuple(key): value for key, value in orjson.loads(line)} for line in packed.split(b"\n")
        )
        return cls(counts, levels)


NO_COUNTERS = Counters({}, {})


def sum_counters(all_of_them: Iterable[Counters]) -> Counters:
    """The sum."""
    counts: Counter[Sample] = Counter()
    levels: Counter[Sample] = Counter()
    for numbers in all_of_them:
        counts.update(numbers.counts)
        levels.update(numbers.gauges)
    return Counters(counts, levels)


def collect_counters(watched: Watched) -> Counters:
    """Those of this process, now."""
    return Counters(dict(_collect_counts(watched)), dict(_collect_gauges(watched)))


def _collect_counts(watched: Watched) -> Iterator[tuple[Sample, float]]:
    by_route: dict[str, list[LatencyHistogram]] = defaultdict(list)
    for (method, route, status), tally in watched.observer.histograms.items():
        yield ("gateway_requests", method, route, str(status)), sum(tally.bucket_counts)
        by_route[route].append(tally)
    for route, tallies in by_route.items():
        for number, counts in enumerate(zip(*(tally.bucket_counts for tally in tallies), strict=True)):
            yield ("gateway_request_seconds", route, str(number)), sum(counts)
        yield ("gateway_request_seconds", route, SUM), sum(tally.total_seconds for tally in tallies)
    yield ("gateway_counted_without_server",), watched.store.counted_locally
    yield ("gateway_crowded",), watched.crowd.refused_count
    for upstream in watched.upstreams.values():
        for failure, count in upstream.failures.items():
            yield ("gateway_upstream_failures", upstream.name, failure.name.lower()), count


def _collect_gauges(watched: Watched) -> Iterator[tuple[Sample, float]]:
    yield ("gateway_workers",), 1
    yield ("gateway_cache_bytes",), watched.store.local.bytes
    yield ("gateway_cache_entries",), len(watched.store.local)
    yield ("gateway_connections",), watched.connections()
    for upstream in watched.upstreams.values():
        yield ("gateway_upstream_breaker_open", upstream.name), float(upstream.breaker.is_open)
        left_out = upstream.balancer.list_ejected()
        for address in upstream.balancer.addresses.values():
            place = (upstream.name, address.url)
            yield ("gateway_upstream_outstanding", *place), address.outstanding
            yield ("gateway_upstream_resting", *place), float(address in left_out)
