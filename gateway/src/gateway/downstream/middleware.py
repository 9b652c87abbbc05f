"""Around each request of either plane: its ids, limits on its body, headers of the answer, the last catch."""

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
_SLOWEST = 16_384
"""Bytes a second that a body must come with in the long run."""


class RequestMiddleware:
    """ASGI middleware; a body is at most `body_limit`, in bytes and in seconds for a short one."""

    def __init__(
        self, app: ASGIApp, *, body_limit: tuple[int, float], tracer: Tracer, observer: RequestRecorder
    ) -> None:
        self._app = app
        self._body_limit = body_limit
        self._tracer, self._observer = tracer, observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, traceparent = self._ids(scope)
        set_request_ids(scope, request_id, traceparent)
        answer = _ResponseSender(scope, send)
        with structlog.contextvars.bound_contextvars(request_id=request_id.decode()):
            try:
                body = _LimitedBody(scope, receive, limit=self._body_limit)
                await self._app(scope, body.receive, answer.send)
            except Exception as error:  # noqa: BLE001 - the last catch: logged, and answered or broken off
                await _send_error(error, scope, receive, answer)
        self._observer.record(answer.build_access_record(request_id, traceparent))

    def _ids(self, scope: Scope) -> tuple[bytes, bytes]:
        headers = scope["headers"]
        trace_id, traceparent = self._tracer.start_span(parse_traceparent(get_first(headers, TRACEPARENT)))
        given = get_first(headers, REQUEST_ID)
        return (given if given is not None and is_valid_request_id(given) else trace_id), traceparent


class _ResponseSender:
    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._began = perf_counter()
        self._status = 0
        self._cache = b""
        self.has_started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_started = True
            self._status = message["status"]
            given = list(message.get("headers", []))
            names = {name.lower() for name, _ in given}
            added = [header for header in get_response_headers(self._scope) if header[0] not in names]
            timing = f"gateway;dur={(perf_counter() - self._began) * 1_000:.3f}".encode()
            headers = [*given, *added, (b"server-timing", timing)]
            self._cache = get_first(headers, b"cache-status") or b""
            message = {**message, "headers": headers}
        await self._send(message)

    def build_access_record(self, request_id: bytes, traceparent: bytes) -> AccessRecord:
        """For the observer; status 0 when the client left before there was any."""
        path = self._scope["path"]
        return AccessRecord(
            self._scope["method"],
            get_route_prefix(path),
            path,
            self._status,
            perf_counter() - self._began,
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
        self._began = asyncio.get_running_loop().time()
        declared = get_first(scope["headers"], b"content-length") or b"0"
        self._is_declared_too_large = declared.isdigit() and int(declared[:20]) > self._limit
        self._is_complete = False

    async def receive(self) -> Message:
        if self._is_complete:
            return await self._receive()
        if self._is_declared_too_large:
            raise self._too_large()
        message = await self._next()
        self._left -= len(message.get("body", b""))
        self._is_complete = not message.get("more_body", False)
        if self._left < 0:
            raise self._too_large()
        return message

    async def _next(self) -> Message:
        allowed = self._seconds + (self._limit - self._left) / _SLOWEST
        try:
            async with asyncio.timeout_at(self._began + allowed):
                return await self._receive()
        except TimeoutError as error:
            self._is_complete = True
            detail = f"{self._limit - self._left} bytes of the body came within {allowed:g} s"
            raise HTTPException(408, detail, {"Connection": "close"}) from error

    def _too_large(self) -> HTTPException:
        self._is_complete = True
        return HTTPException(413, f"at most {self._limit} bytes are accepted", {"Connection": "close"})


async def _send_error(error: Exception, scope: Scope, receive: Receive, answer: _ResponseSender) -> None:
    """Returning without the end of an answer makes the server close the connection, so none looks whole."""
    if answer.has_started and isinstance(error.__cause__, ProblemError):
        _log.warning("answer broken off", path=scope["path"], reason=str(error.__cause__))
        return
    _log.error("request failed", path=scope["path"], exc_info=error)
    if not answer.has_started:
        add_response_headers(scope, {"Connection": "close"})
        crash = build_problem_response(
            PROBLEMS["internal"], "the error has been logged under this request id"
        )
        await crash(scope, receive, answer.send)
