"""Active health checks of ejected addresses."""

from collections.abc import Sequence

from bookcore.kit.logger import get_logger
from gateway.http.headers import Header, is_connection_closing
from gateway.upstream.load_balancer import UpstreamAddress
from gateway.upstream.messages import OutboundHead, UpstreamFailure
from gateway.upstream.request import UpstreamRequest
from gateway.upstream.upstream import Upstream

_log = get_logger(__name__)
_HEALTH = OutboundHead("GET", b"/health/live", b"")
_ALIVE = (200, 404)
"""404: the service has its health checks on a port of its own."""
_HEALTH_SECONDS = 1.0


class HealthChecker:
    """Sends `GET /health/live` to each ejected address once a second; an answer readmits it."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._next_look = 0.0

    def sweep(self, now: float) -> None:
        if now >= self._next_look:
            self._next_look = now + _HEALTH_SECONDS
            for address in self._upstream.balancer.list_ejected():
                request = UpstreamRequest(self._upstream, _HEALTH, _Probe(self._upstream, address), None)
                self._upstream.pools[address.url].acquire(request)


class _Probe:
    """Receives the response of a health check."""

    def __init__(self, upstream: Upstream, address: UpstreamAddress) -> None:
        self._upstream, self._address = upstream, address
        self._is_well = False

    def on_ready(self) -> None:
        """Nothing to do."""

    def on_head(self, status: int, headers: Sequence[Header]) -> None:
        self._is_well = status in _ALIVE and not is_connection_closing(headers)

    def on_body(self, chunk: bytes) -> None:
        """Nothing to do."""

    def on_end(self) -> None:
        if self._is_well:
            _log.info("upstream address readmitted", service=self._upstream.name, url=self._address.url)
            self._upstream.breaker.record_success()
            self._upstream.balancer.readmit(self._address)

    def on_failure(self, failure: UpstreamFailure) -> None:
        """Nothing to do."""

    def on_flush(self) -> None:
        """Nothing to do."""
