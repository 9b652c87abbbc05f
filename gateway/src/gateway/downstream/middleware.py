"""ASGI middleware of every request: request id, body limits, headers, access record, error handler."""

import asyncio
from time import perf_counter

import structlog
from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bookcore.kit.problem import PROBLEMS, ProblemError, build_problem_response
from gateway.http.headers import REQUEST_ID, get_first, is_valid_request_id
from gateway.http.scope import add_response_headers, get_response_headers, get_user, set_request_ids
from gateway.http.trace import TRACEPARENT, Tracer, parse_traceparent
from gateway.observability.access_log import AccessRecord, RequestRecorder
from gateway.routing.routes import get_route_prefix

_log = structlog.get_logger()
_MIN_BYTES_PER_SECOND = 16_384
"""The lowest average rate of a long body, in bytes a second."""


class RequestMiddleware:
    """A body is at most `body_limit`: bytes, and seconds for a short one."""

    def __init__(
        self, app: ASGIApp, *, body_limit: tuple[int, float], tracer: Tracer, recorder: RequestRecorder
    ) -> None:
        self._app = app
        self._body_limit = body_limit
        self._tracer, self._recorder = tracer, recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, traceparent = self._read_ids(scope)
        set_request_ids(scope, request_id, traceparent)
        sender = _ResponseSender(scope, send)
        with structlog.contextvars.bound_contextvars(request_id=request_id.decode()):
            try:
                body = _LimitedBody(scope, receive, limit=self._body_limit)
                await self._app(scope, body.receive, sender.send)
            except Exception as error:  # noqa: BLE001 - the outermost handler: logs, then sends 500 or aborts
                await _send_error(error, scope, receive, sender)
        self._recorder.record(sender.build_access_record(request_id, traceparent))

    def _read_ids(self, scope: Scope) -> tuple[bytes, bytes]:
        headers = scope["headers"]
        trace_id, traceparent = self._tracer.start_span(parse_traceparent(get_first(headers, TRACEPARENT)))
        request_id = get_first(headers, REQUEST_ID)
        return (
            request_id if request_id is not None and is_valid_request_id(request_id) else trace_id
        ), traceparent


class _ResponseSender:
    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._started = perf_counter()
        self._status = 0
        self._cache = b""
        self.has_started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_started = True
            self._status = message["status"]
            own_headers = list(message.get("headers", []))
            names = {name.lower() for name, _ in own_headers}
            added = [header for header in get_response_headers(self._scope) if header[0] not in names]
            timing = f"gateway;dur={(perf_counter() - self._started) * 1_000:.3f}".encode()
            headers = [*own_headers, *added, (b"server-timing", timing)]
            self._cache = get_first(headers, b"cache-status") or b""
            message = {**message, "headers": headers}
        await self._send(message)

    def build_access_record(self, request_id: bytes, traceparent: bytes) -> AccessRecord:
        """Status 0 when the client disconnected before a response."""
        path = self._scope["path"]
        return AccessRecord(
            self._scope["method"],
            get_route_prefix(path),
            path,
            self._status,
            perf_counter() - self._started,
            self._cache.removeprefix(b"bookstream; "),
            request_id,
            traceparent,
            get_user(self._scope),
        )


class _LimitedBody:
    def __init__(self, scope: Scope, receive: Receive, *, limit: tuple[int, float]) -> None:
        self._receive = receive
        self._limit, self._seconds = limit
        self._left = self._limit
        self._started = asyncio.get_running_loop().time()
        declared = get_first(scope["headers"], b"content-length") or b"0"
        self._is_declared_too_large = declared.isdigit() and int(declared[:20]) > self._limit
        self._is_complete = False

    async def receive(self) -> Message:
        if self._is_complete:
            return await self._receive()
        if self._is_declared_too_large:
            raise self._build_too_large()
        message = await self._receive_in_time()
        self._left -= len(message.get("body", b""))
        self._is_complete = not message.get("more_body", False)
        if self._left < 0:
            raise self._build_too_large()
        return message

    async def _receive_in_time(self) -> Message:
        allowed = self._seconds + (self._limit - self._left) / _MIN_BYTES_PER_SECOND
        try:
            async with asyncio.timeout_at(self._started + allowed):
                return await self._receive()
        except TimeoutError as error:
            self._is_complete = True
            detail = f"{self._limit - self._left} bytes of the body arrived within {allowed:g} s"
            raise HTTPException(408, detail, {"Connection": "close"}) from error

    def _build_too_large(self) -> HTTPException:
        self._is_complete = True
        return HTTPException(
            413, f"the request body is larger than {self._limit} bytes", {"Connection": "close"}
        )


async def _send_error(error: Exception, scope: Scope, receive: Receive, sender: _ResponseSender) -> None:
    """Without an end of the response the server closes the connection, so that it looks incomplete."""
    if sender.has_started and isinstance(error.__cause__, ProblemError):
        _log.warning("response aborted", path=scope["path"], reason=str(error.__cause__))
        return
    _log.error("request failed", path=scope["path"], exc_info=error)
    if not sender.has_started:
        add_response_headers(scope, {"Connection": "close"})
        response = build_problem_response(
            PROBLEMS["internal"], "the error has been logged under this request id"
        )
        await response(scope, receive, sender.send)
