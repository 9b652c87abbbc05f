"""A service behind a name: its addresses come and go, and no request is lost for it."""

import asyncio
from collections.abc import Sequence

import pytest

from gateway.upstream.open_requests import StreamLimit
from gateway.upstream.pool import UpstreamTimeouts
from gateway.upstream.resolver import RESOLVE_SECONDS, NameResolver, look_up
from gateway.upstream.upstream import Upstream

NAME = "dns+http://books-api-pods:8081"


class Dns:
    """Answers what the test says; `hold` delays the answer."""

    def __init__(self, *addresses: str) -> None:
        self.answer: Sequence[str] | OSError = addresses
        self.questions: list[tuple[str, int]] = []
        self.hold: asyncio.Event | None = None

    async def look_up(self, name: str, port: int) -> Sequence[str]:
        self.questions.append((name, port))
        answer = self.answer
        if self.hold is not None:
            await self.hold.wait()
        if isinstance(answer, OSError):
            raise answer
        return answer


def create_upstream(*urls: str) -> Upstream:
    loop = asyncio.get_running_loop()
    return Upstream(
        "books-api",
        urls,
        timeouts=UpstreamTimeouts(connect=5, read=5, wait=5),
        export_limit=StreamLimit(per_caller=4, per_network=4),
        now=loop.time,
    )


def list_addresses(upstream: Upstream) -> list[str]:
    return list(upstream.balancer.addresses)


async def resolve_twice(first: Sequence[str], then: Sequence[str] | OSError) -> Upstream:
    dns, upstream = Dns(*first), create_upstream()
    resolver = NameResolver(upstream, [NAME], lookup=dns.look_up)
    await resolver.resolve()
    dns.answer = then
    await resolver.resolve()
    return upstream


def test_every_address_of_the_name_gets_requests_under_the_name_of_the_service() -> None:
    async def run() -> None:
        upstream = await resolve_twice(["10.0.0.1"], ["10.0.0.2", "fd00::1", "10.0.0.1"])
        urls = ["http://10.0.0.1:8081", "http://10.0.0.2:8081", "http://[fd00::1]:8081"]
        assert list_addresses(upstream) == urls
        assert {pool.host for pool in upstream.pools.values()} == {b"books-api-pods:8081"}

    asyncio.run(run())


@pytest.mark.parametrize("answer", [OSError("no answer"), ()], ids=["failed", "empty"])
def test_a_failed_or_empty_answer_keeps_the_addresses_and_is_counted(answer: OSError | Sequence[str]) -> None:
    upstream = asyncio.run(resolve_twice(["10.0.0.1", "10.0.0.2"], answer))
    assert list_addresses(upstream) == ["http://10.0.0.1:8081", "http://10.0.0.2:8081"]
    assert upstream.resolutions == {"good": 1, "failed": 1}


def test_an_address_that_stays_keeps_its_health() -> None:
    async def run() -> None:
        dns, upstream = Dns("10.0.0.1", "10.0.0.2"), create_upstream()
        resolver = NameResolver(upstream, [NAME], lookup=dns.look_up)
        await resolver.resolve()
        sick = upstream.balancer.addresses["http://10.0.0.1:8081"]
        upstream.balancer.record_failure(sick, is_unreachable=True)
        dns.answer = ["10.0.0.1", "10.0.0.3"]
        await resolver.resolve()
        assert [address.url for address in upstream.balancer.list_ejected()] == ["http://10.0.0.1:8081"]
        assert {a.url for _ in range(20) if (a := upstream.balancer.pick())} == {"http://10.0.0.3:8081"}

    asyncio.run(run())


def test_a_late_answer_delays_no_sweep_and_is_used_when_it_comes() -> None:
    async def run() -> None:
        dns, upstream = Dns("10.0.0.1"), create_upstream("http://10.0.0.9:8081")
        dns.hold = asyncio.Event()
        resolver = NameResolver(upstream, ["http://10.0.0.9:8081", NAME], lookup=dns.look_up)
        for second in range(60):
            resolver.sweep(float(second))
            await asyncio.sleep(0)
        assert dns.questions == [("books-api-pods", 8081)]
        assert list_addresses(upstream) == ["http://10.0.0.9:8081"]
        dns.hold.set()
        for _ in range(10):
            await asyncio.sleep(0)
        assert list_addresses(upstream) == ["http://10.0.0.9:8081", "http://10.0.0.1:8081"]
        resolver.sweep(61 + RESOLVE_SECONDS)
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(dns.questions) == 2
        resolver.close()

    asyncio.run(run())


def test_the_pool_of_an_address_that_left_is_closed_with_its_last_connection() -> None:
    async def run() -> None:
        dns, upstream = Dns("10.0.0.1", "10.0.0.2"), create_upstream()
        resolver = NameResolver(upstream, [NAME], lookup=dns.look_up)
        await resolver.resolve()
        dns.answer = ["10.0.0.2"]
        await resolver.resolve()
        assert set(upstream.pools) == {"http://10.0.0.1:8081", "http://10.0.0.2:8081"}
        upstream.sweep(0.0)
        assert set(upstream.pools) == {"http://10.0.0.2:8081"}
        await upstream.close()

    asyncio.run(run())


def test_names_are_looked_up_with_the_resolver_of_the_system() -> None:
    assert "127.0.0.1" in asyncio.run(look_up("localhost", 8081))
    with pytest.raises(OSError, match=r"."):
        asyncio.run(look_up("no-such-host.invalid", 8081))
