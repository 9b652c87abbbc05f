"""Active health checks of the addresses that a service's balancer leaves out."""

from collections.abc import Sequence

import structlog

from gateway.http.headers import Header, closes_connection
from gateway.upstream.load_balancer import UpstreamAddress
from gateway.upstream.messages import OutboundHead, UpstreamFailure
from gateway.upstream.request import UpstreamRequest
from gateway.upstream.upstream import Upstream

_log = structlog.get_logger()
_HEALTH = OutboundHead("GET", b"/health/live", b"")
_HEALTH_SECONDS = 1.0


class HealthChecker:
    """Sends `GET /health/live` to each such address once a second; a 200 takes it back."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._next_look = 0.0

    def sweep(self, now: float) -> None:
        """As Swept."""
        if now >= self._next_look:
            self._next_look = now + _HEALTH_SECONDS
            for address in self._upstream.balancer.list_ejected():
                request = UpstreamRequest(self._upstream, _HEALTH, _Probe(self._upstream, address))
                self._upstream.pools[address.url].acquire(request)


class _Probe:
    """Takes the answer to a health question."""

    def __init__(self, upstream: Upstream, address: UpstreamAddress) -> None:
        self._upstream, self._address = upstream, address
        self._is_well = False

    def on_ready(self) -> None:
        """As Receiver."""

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        """As Receiver."""
        self._is_well = status == 200 and not closes_connection(headers)

    def on_body(self, chunk: bytes) -> None:
        """As Receiver."""

    def on_end(self) -> None:
        """As Receiver."""
        if self._is_well:
            _log.info("upstream is well again", service=self._upstream.name, url=self._address.url)
            self._upstream.breaker.record_success()
            self._upstream.balancer.readmit(self._address)

    def on_failure(self, failure: UpstreamFailure) -> None:
        """As Receiver."""

    def on_flush(self) -> None:
        """As Receiver."""
