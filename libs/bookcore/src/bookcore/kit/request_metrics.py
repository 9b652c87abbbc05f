"""Counts and times the requests of a service by route: ASGI middleware around the routes."""

from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bookcore.kit.admin.metrics import ProcessMetrics

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NO_ROUTE = "none"


class RequestMetrics:
    """`PREFIX_requests_total` and `PREFIX_request_seconds`. The route is the template that matched, never the
    path, so that no client makes series."""

    def __init__(self, app: ASGIApp, *, metrics: ProcessMetrics, prefix: str) -> None:
        self._app = app
        self._metrics = metrics
        self._total, self._seconds = f"{prefix}_requests_total", f"{prefix}_request_seconds"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 500

        async def send_counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_counted)
        finally:
            route = getattr(scope.get("route"), "path", _NO_ROUTE)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.count(self._total, method, route, str(status))
            self._metrics.observe(self._seconds, route, value=perf_counter() - began)
