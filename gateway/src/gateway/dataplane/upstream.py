"""Sending a request to a service: addresses tried in turn, failures told apart."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import structlog

from bookcore.kit.problem import ProblemError
from gateway.core.headers import Header
from gateway.dataplane.balance import Balancer

_log = structlog.get_logger()
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
_RETRY_AFTER = {"Retry-After": "2"}


@dataclass(frozen=True, slots=True)
class Outbound:
    """A request for a service; `target` is the encoded path with its query, the body is whole."""

    method: str
    target: str
    headers: list[Header]
    body: bytes = b""


class Upstream:
    """One service behind its addresses."""

    def __init__(
        self, name: str, balancer: Balancer, transport: httpx.AsyncBaseTransport, *, timeout: httpx.Timeout
    ) -> None:
        self.name = name
        self._balancer = balancer
        self._transport = transport
        self._timeout = timeout

    @asynccontextmanager
    async def send(self, outbound: Outbound) -> AsyncIterator[httpx.Response]:
        """The response, its body not read yet; closed, whatever happens, when the context ends.

        Raises: ProblemError when no address gives an answer, also when it breaks off while its body is read.
        """
        tried: set[str] = set()
        while url := self._balancer.pick(tried):
            with self._balancer.in_use(url):
                try:
                    response = await self._transport.handle_async_request(self._request(url, outbound))
                except httpx.TransportError as error:
                    tried.add(url)
                    self._note(url, error)
                    if not _may_repeat(outbound.method, error) or self._balancer.pick(tried) is None:
                        raise self._problem(error) from error
                    continue
                try:
                    yield response
                except httpx.TransportError as error:
                    self._note(url, error)
                    raise self._problem(error) from error
                finally:
                    await response.aclose()
                return

    def _request(self, url: str, outbound: Outbound) -> httpx.Request:
        return httpx.Request(
            outbound.method,
            url + outbound.target,
            headers=outbound.headers,
            content=outbound.body,
            extensions={"timeout": self._timeout.as_dict()},
        )

    def _note(self, url: str, error: httpx.TransportError) -> None:
        _log.warning("upstream failed", service=self.name, url=url, error=repr(error))
        if not isinstance(error, httpx.ReadTimeout | httpx.PoolTimeout):  # slow is not dead
            self._balancer.eject(url)

    def _problem(self, error: httpx.TransportError) -> ProblemError:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
            return ProblemError("unavailable", f"{self.name} can't be reached now", headers=_RETRY_AFTER)
        if isinstance(error, httpx.TimeoutException):
            return ProblemError("timeout", f"{self.name} took too long", headers=_RETRY_AFTER)
        return ProblemError("bad-gateway", f"{self.name} broke off the connection", headers=_RETRY_AFTER)


def _may_repeat(method: str, error: httpx.TransportError) -> bool:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return True  # nothing was sent, so even a write can't happen twice
    return method in _REPEATABLE and not isinstance(error, httpx.TimeoutException)
