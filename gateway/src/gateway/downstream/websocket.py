"""A WebSocket: once both ends have agreed, bytes pass both ways as they come, as fast as they are taken."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import httptools

from bookcore.domain.errors import BookstreamError
from bookcore.kit.problem import ProblemError
from gateway.downstream.context import Inside
from gateway.downstream.fast_exchange import Door, HotVisit
from gateway.http.headers import Header, first, to_client
from gateway.http.request_head import Head
from gateway.proxy.passthrough import Relay
from gateway.routing.match import plan_of_target
from gateway.routing.routes import PUBLIC_PREFIX_BYTES, may
from gateway.upstream.call import prepare
from gateway.upstream.connection import Connection
from gateway.upstream.request import Outbound

_MOST_EARLY = 262_144


def wants_tunnel(raw: bytes) -> bool:
    """Whether a request's whole head asks for a WebSocket."""
    return b"\r\nupgrade: websocket\r\n" in raw.lower()


class UpgradeClient(Door, Protocol):
    """The client's connection while it becomes a tunnel."""

    transport: asyncio.Transport

    def address_of(self, head: Head) -> tuple[str, str]:
        """Network address and scheme of the client."""

    def refuse(self, slug: str, detail: str, headers: dict[str, str] | None = None) -> None:
        """Send a problem and close."""


class Tunnel(asyncio.Protocol):
    """As a Protocol it takes what the service's connection brings."""

    def __init__(self, inside: Inside, client: UpgradeClient, raw: bytes) -> None:
        self._inside, self._client = inside, client
        self._early = b""
        self._asking: HotVisit | None = None
        self._connection: Connection | None = None
        self._is_over = False
        self._opening = asyncio.ensure_future(self._open(raw))

    def from_client(self, data: bytes) -> None:
        """Bytes for the service."""
        if self._connection is not None:
            self._connection.transport.write(data)
        else:
            self._early += data
            if len(self._early) > _MOST_EARLY:
                self._client.transport.abort()

    def client_full(self) -> None:
        """The client reads slowly."""
        if self._connection is not None:
            self._connection.transport.pause_reading()

    def client_free(self) -> None:
        """The client reads again."""
        if self._connection is not None:
            self._connection.transport.resume_reading()

    def client_lost(self) -> None:
        """The client is gone: so is the service's connection."""
        self._is_over = True
        self._opening.cancel()
        if self._connection is not None:
            self._connection.drop()
        elif self._asking is not None:
            self._asking.gone()

    def close(self) -> None:
        """The gateway stops."""
        self._client.transport.close()

    def data_received(self, data: bytes) -> None:
        """As asyncio.Protocol."""
        self._client.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio.Protocol."""
        if not self._is_over:
            self._client.transport.close()

    def agreed(self, connection: Connection, rest: bytes) -> None:
        """The service switched protocols."""
        self._connection, connection.tunnel = connection, self
        if rest:
            self._client.transport.write(rest)
        if self._early:
            connection.transport.write(self._early)
            self._early = b""

    async def _open(self, raw: bytes) -> None:
        try:
            visit = await self._visit(raw)
            upstream = self._inside.lane.engine.upstreams[visit.plan.route.service]
            asked = self._inside.lane.engine.outbound(visit)
            relay = _Agreement(visit, upstream.name, self._client)
            outbound = Outbound("GET", asked.target, asked.lines, upgrade=b"websocket")
            call = prepare(upstream, outbound, relay)
            call.on_upgrade = self.agreed
            visit.flow = relay.call = call
            self._asking = visit
            call.attempt()
        except ProblemError as error:
            self._client.refuse(error.problem.slug, error.detail)
        except BookstreamError as error:
            self._client.refuse("unavailable", str(error))

    async def _visit(self, raw: bytes) -> HotVisit:
        headers, target = _read(raw)
        head = Head(headers)
        plan = plan_of_target(target)
        if plan is None or not head.host:
            raise ProblemError("not-found", "no service answers at this address; /docs lists them")
        known = await self._inside.doorkeeper.known(head, self._client.address_of(head)[0])
        await self._inside.doorkeeper.count(known)
        if not may(known.caller.scopes, plan.route, "GET"):
            raise ProblemError("forbidden", f"this needs the scope {plan.route.reads}")
        visit = HotVisit(plan, head, known, door=self._client, raw=raw)
        trace_id, visit.traceparent = self._inside.lane.engine.tracer.begin(head.trace)
        visit.request_id = head.request_id or trace_id
        return visit


class _Agreement(Relay):
    """Passes a 101 on as it is, and anything else as an ordinary answer, after which the connection ends."""

    def __init__(self, visit: HotVisit, service: str, client: UpgradeClient) -> None:
        super().__init__(visit, service, note=b"fwd=bypass")
        self._client = client
        client.is_leaving = True  # whatever comes after an answer that is no 101 isn't HTTP for us

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        """As Receiver."""
        if status != 101:
            super().on_head(status, headers)
            return
        lines = [
            *to_client(headers, PUBLIC_PREFIX_BYTES),
            (b"connection", b"upgrade"),
            (b"upgrade", b"websocket"),
        ]
        text = b"".join(b"%b: %b\r\n" % header for header in lines)
        self._client.transport.write(b"HTTP/1.1 101 Switching Protocols\r\n%b\r\n" % text)


class _Reader:
    def __init__(self) -> None:
        self.headers: list[Header] = []
        self.target = b""

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))


def _read(raw: bytes) -> tuple[list[Header], bytes]:
    reader = _Reader()
    try:
        httptools.HttpRequestParser(reader).feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as error:
        raise ProblemError("bad-request", "the bytes of the request are not HTTP/1.1") from error
    if first(reader.headers, b"content-length") or first(reader.headers, b"transfer-encoding"):
        raise ProblemError("bad-request", "a request for a WebSocket has no body")
    return reader.headers, reader.target
