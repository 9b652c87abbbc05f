"""What a process has counted, as plain numbers that can be written down and added to those of another."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import orjson

from gateway.cache.response_cache import Store
from gateway.observability.access_log import Observer, Tally
from gateway.ratelimit.address_limiter import Crowd
from gateway.routing.routes import Service
from gateway.upstream.upstream import Upstream

Sample = tuple[str, ...]
"""A metric's name and the values of its labels; a bucket has its number as the last."""
SUM = "sum"
"""In the place of a bucket's number: all seconds."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Where the numbers are."""

    observer: Observer
    store: Store
    connections: Callable[[], int]
    crowd: Crowd
    upstreams: Mapping[Service, Upstream]


@dataclass(frozen=True, slots=True)
class Numbers:
    """`counts` only grow and outlive their process; `levels` are as they are now and end with it."""

    counts: Mapping[Sample, float]
    levels: Mapping[Sample, float]

    def pack(self) -> bytes:
        """As JSON."""
        return orjson.dumps([[[*key], value] for key, value in self.counts.items()]) + (
            b"\n" + orjson.dumps([[[*key], value] for key, value in self.levels.items()])
        )

    @classmethod
    def unpack(cls, packed: bytes) -> "Numbers":
        """The inverse of pack."""
        counts, levels = (
            {tuple(key): value for key, value in orjson.loads(line)} for line in packed.split(b"\n")
        )
        return cls(counts, levels)


NONE = Numbers({}, {})


def total(all_of_them: Iterable[Numbers]) -> Numbers:
    """The sum."""
    counts: Counter[Sample] = Counter()
    levels: Counter[Sample] = Counter()
    for numbers in all_of_them:
        counts.update(numbers.counts)
        levels.update(numbers.levels)
    return Numbers(counts, levels)


def gather(watched: Watched) -> Numbers:
    """Those of this process, now."""
    return Numbers(dict(_counts(watched)), dict(_levels(watched)))


def _counts(watched: Watched) -> Iterator[tuple[Sample, float]]:
    by_route: dict[str, list[Tally]] = defaultdict(list)
    for (method, route, status), tally in watched.observer.tallies.items():
        yield ("gateway_requests", method, route, str(status)), sum(tally.times)
        by_route[route].append(tally)
    for route, tallies in by_route.items():
        for number, counts in enumerate(zip(*(tally.times for tally in tallies), strict=True)):
            yield ("gateway_request_seconds", route, str(number)), sum(counts)
        yield ("gateway_request_seconds", route, SUM), sum(tally.seconds for tally in tallies)
    yield ("gateway_counted_without_server",), watched.store.counted_here
    yield ("gateway_crowded",), watched.crowd.refused
    for upstream in watched.upstreams.values():
        for failure, count in upstream.failures.items():
            yield ("gateway_upstream_failures", upstream.name, failure.name.lower()), count


def _levels(watched: Watched) -> Iterator[tuple[Sample, float]]:
    yield ("gateway_workers",), 1
    yield ("gateway_cache_bytes",), watched.store.shelf.bytes
    yield ("gateway_cache_entries",), len(watched.store.shelf)
    yield ("gateway_connections",), watched.connections()
    for upstream in watched.upstreams.values():
        yield ("gateway_upstream_breaker_open", upstream.name), float(upstream.breaker.is_open)
        left_out = upstream.balancer.resting()
        for address in upstream.balancer.addresses.values():
            place = (upstream.name, address.url)
            yield ("gateway_upstream_outstanding", *place), address.outstanding
            yield ("gateway_upstream_resting", *place), float(address in left_out)
