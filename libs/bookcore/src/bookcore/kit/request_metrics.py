"""Counts, times and traces the requests of a service by route: ASGI middleware around the routes."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bookcore.kit.admin.metrics import ProcessMetrics
from bookcore.kit.tracing.context import TRACEPARENT, SpanContext, current_span, parse_traceparent
from bookcore.kit.tracing.span import SpanKind
from bookcore.kit.tracing.tracer import SpanDraft, Tracer

OWN_PATHS = frozenset({"/health/live", "/health/ready", "/metrics"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NO_ROUTE = "none"
_HEADER = TRACEPARENT.encode()
_SERVER_ERROR = 500


class RequestMetrics:
    """`PREFIX_requests_total`, `PREFIX_request_seconds` and a span. The route is the template that matched,
    never the path, so that no client makes series. Health checks and scrapes begin no trace."""

    def __init__(self, app: ASGIApp, *, metrics: ProcessMetrics, prefix: str, tracer: Tracer) -> None:
        self._app = app
        self._metrics, self._tracer = metrics, tracer
        self._total, self._seconds = f"{prefix}_requests_total", f"{prefix}_request_seconds"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        parent = _read_context(scope)
        context = None if parent is None and scope["path"] in OWN_PATHS else self._tracer.begin(parent)
        token = current_span.set(context)

        async def send_counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_counted)
        finally:
            current_span.reset(token)
            route = getattr(scope.get("route"), "path", _NO_ROUTE)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            seconds = time.perf_counter() - began
            self._metrics.count(self._total, method, route, str(status))
            self._metrics.observe(self._seconds, route, value=seconds)
            if context is not None and context.is_sampled and self._tracer.add is not None:
                attributes = describe_request(method, route, scope["path"], status)
                draft = SpanDraft(context, attributes, explain_status(status))
                start = time.time_ns() - int(seconds * 1e9)
                self._tracer.end(f"{method} {route}", SpanKind.SERVER, draft, parent, start)


def describe_request(method: str, route: str, path: str, status: int) -> dict[str, str | int]:
    """Attributes of a span of a request that was served."""
    return {
        "http.request.method": method,
        "http.route": route,
        "url.path": path,
        "http.response.status_code": status,
    }


def explain_status(status: int) -> str:
    """The error of such a span: what a client did wrong is none."""
    return f"status {status}" if status >= _SERVER_ERROR else ""


def _read_context(scope: Scope) -> SpanContext | None:
    for name, value in scope["headers"]:
        if name == _HEADER:
            return parse_traceparent(value)
    return None
