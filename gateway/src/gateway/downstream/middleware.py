"""ASGI middleware of every request: request id, body limits, headers, access record, error handler."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from time import perf_counter

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bookcore.kit.logger import bind_fields, get_logger
from bookcore.kit.problem import PROBLEMS, ProblemError, build_problem_response
from bookcore.kit.tracing.context import current_span
from bookcore.kit.tracing.context import parse_traceparent as parse_context
from gateway.http.browser_headers import BrowserHeaders
from gateway.http.headers import PROTECTIVE_HEADERS, REQUEST_ID, Header, get_first, is_valid_request_id
from gateway.http.scope import add_response_headers, get_response_headers, get_user, set_request_ids
from gateway.http.trace import TRACEPARENT, Tracer, parse_traceparent
from gateway.observability.access_log import AccessRecord, RequestRecorder
from gateway.routing.routes import OWN, PUBLIC_PREFIX, get_route_prefix

_log = get_logger(__name__)
_MIN_BYTES_PER_SECOND = 16_384
"""The lowest average rate of a long body, in bytes a second."""
_DROP_SECONDS, _MAX_DROPPED_BYTES = 2.0, 67_108_864
_OWN_OPERATIONS = f"{PUBLIC_PREFIX}/"
_NO_STORE: Header = (b"cache-control", b"no-store")


class RequestMiddleware:
    """A body is at most `body_limit`: bytes, and seconds for a short one."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        body_limit: tuple[int, float],
        tracer: Tracer,
        recorder: RequestRecorder,
        browser_headers: BrowserHeaders,
    ) -> None:
        self._app = app
        self._body_limit = body_limit
        self._tracer, self._recorder, self._browser_headers = tracer, recorder, browser_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, traceparent, parent = self._read_ids(scope)
        set_request_ids(scope, request_id, traceparent)
        current_span.set(parse_context(traceparent))
        get_response_headers(scope).extend(_list_own_headers(scope["path"]))
        body = _LimitedBody(scope, receive, limit=self._body_limit)
        browser_headers = self._browser_headers.build(scope["headers"], scope["scheme"])
        sender = _ResponseSender(scope, send, body, browser_headers)
        with bind_fields(request_id=request_id.decode()):
            try:
                if self._browser_headers.is_preflight(scope["method"], scope["headers"]):
                    await _send_preflight(self._browser_headers.build_preflight(scope["headers"]), sender)
                else:
                    await self._app(scope, body.receive, sender.send)
            except Exception as error:  # noqa: BLE001 - the outermost handler: logs, then sends 500 or aborts
                await _send_error(error, scope, receive, sender)
        self._recorder.record(sender.build_access_record(request_id, traceparent, parent))

    def _read_ids(self, scope: Scope) -> tuple[bytes, bytes, bytes]:
        """Request id, traceparent, and the span id that the client has sent."""
        headers = scope["headers"]
        trace = parse_traceparent(get_first(headers, TRACEPARENT))
        request_id, (trace_id, traceparent) = get_first(headers, REQUEST_ID), self._tracer.start_span(trace)
        if request_id is None or not is_valid_request_id(request_id):
            request_id = trace_id
        return request_id, traceparent, b"" if trace is None else trace.span_id


class _ResponseSender:
    """Adds the common headers. What is left of a body that was too large is dropped before the connection
    closes: closed at once, it would be reset, and the client would not read the response.
    """

    def __init__(
        self, scope: Scope, send: Send, body: "_LimitedBody", browser_headers: Sequence[Header]
    ) -> None:
        self._scope = scope
        self._send = send
        self._body, self._browser_headers = body, browser_headers
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
            headers = [*own_headers, *added, (b"server-timing", timing), *self._browser_headers]
            self._cache = get_first(headers, b"cache-status") or b""
            message = {**message, "headers": headers}
        elif self._status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._body.drop_rest()
            message = {"type": "http.response.body"}
        await self._send(message)

    def build_access_record(self, request_id: bytes, traceparent: bytes, parent: bytes) -> AccessRecord:
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
            self._scope["client"][0] if self._scope.get("client") else "",
            parent,
        )


class _LimitedBody:
    def __init__(self, scope: Scope, receive: Receive, *, limit: tuple[int, float]) -> None:
        self._receive = receive
        self._limit, self._seconds = limit
        self._left = self._limit
        self._started = asyncio.get_running_loop().time()
        declared = get_first(scope["headers"], b"content-length") or b"0"
        self._is_awaited = get_first(scope["headers"], b"expect") is None
        """Whether the client sends the body without waiting for a response."""
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

    async def drop_rest(self) -> None:
        """Reads what is left, for two seconds and 64 MB at most."""
        left = _MAX_DROPPED_BYTES if self._is_awaited else 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_DROP_SECONDS):
                while left > 0:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return

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


def _list_own_headers(path: str) -> list[Header]:
    """Of all responses, and of the gateway's own operations, which return tokens, keys and personal data."""
    is_own_operation = path.startswith(_OWN_OPERATIONS) and get_route_prefix(path) == OWN
    return [*PROTECTIVE_HEADERS, _NO_STORE] if is_own_operation else [*PROTECTIVE_HEADERS]


async def _send_preflight(headers: Sequence[Header], sender: _ResponseSender) -> None:
    await sender.send({"type": "http.response.start", "status": 204, "headers": headers})
    await sender.send({"type": "http.response.body"})


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
