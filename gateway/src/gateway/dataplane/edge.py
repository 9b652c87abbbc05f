"""Around each request of either plane: its id, limits on its body, headers on each answer, the last catch."""

import asyncio
from uuid import uuid4

import structlog
from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bookcore.kit.problem import PROBLEMS, ProblemError, problem_response
from gateway.core.answer import add_answer_headers, answer_headers
from gateway.core.headers import REQUEST_ID, first, is_sane_request_id

_log = structlog.get_logger()
_BODY_SECONDS = 30.0


class Edge:
    """ASGI middleware; `body_limit` in bytes."""

    def __init__(self, app: ASGIApp, *, body_limit: int) -> None:
        self._app = app
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        add_answer_headers(scope, {"x-request-id": request_id})
        answer = _Answer(scope, send)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(
                    scope, _LimitedBody(scope, receive, limit=self._body_limit).receive, answer.send
                )
            except Exception as error:  # noqa: BLE001 - the last catch: logged, and answered or broken off
                await _give_up(error, scope, receive, answer)


class _Answer:
    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self.has_started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_started = True
            given = list(message.get("headers", []))
            names = {name.lower() for name, _ in given}
            added = [header for header in answer_headers(self._scope) if header[0] not in names]
            message = {**message, "headers": given + added}
        await self._send(message)


class _LimitedBody:
    def __init__(self, scope: Scope, receive: Receive, *, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._left = limit
        declared = first(scope["headers"], b"content-length") or b"0"
        self._is_declared_too_large = declared.isdigit() and int(declared[:20]) > limit
        self._is_complete = False
        self._deadline = asyncio.get_running_loop().time() + _BODY_SECONDS

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
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        except TimeoutError as error:
            raise HTTPException(408, f"the body was not here within {_BODY_SECONDS:g} s") from error

    def _too_large(self) -> HTTPException:
        self._is_complete = True
        return HTTPException(413, f"at most {self._limit} bytes are accepted", {"Connection": "close"})


async def _give_up(error: Exception, scope: Scope, receive: Receive, answer: _Answer) -> None:
    """Returning without the end of an answer makes the server close the connection, so none looks whole."""
    if answer.has_started and isinstance(error.__cause__, ProblemError):
        _log.warning("answer broken off", path=scope["path"], reason=str(error.__cause__))
        return
    _log.error("request failed", path=scope["path"], exc_info=error)
    if not answer.has_started:
        crash = problem_response(PROBLEMS["internal"], "the error has been logged under this request id")
        await crash(scope, receive, answer.send)


def _request_id(scope: Scope) -> str:
    given = first(scope["headers"], REQUEST_ID)
    return given.decode() if given is not None and is_sane_request_id(given) else uuid4().hex
