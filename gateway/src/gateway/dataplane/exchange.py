"""One request as the data plane sees it, and the ways to answer it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from dataclasses import dataclass
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from bookcore.kit.problem import ProblemError
from gateway.core.answer import answer_headers
from gateway.core.headers import REQUEST_ID, Client, Header, first, sane_host

_LONGEST_TARGET = 8_192
_PATH_SAFE = "/:@!$&'()*+,;=~"
_QUERY_SAFE = "/:@!$&'()*+,;=~?%[]{}|\\^`\"<>"


class ClientGone(Exception):
    """The client hung up; there is nobody to answer."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """The request line and headers, and the two ends of the connection."""

    method: str
    path: str
    query: bytes
    headers: list[Header]
    client: Client
    request_id: str
    receive: Receive
    send: Send

    @classmethod
    def of(cls, scope: Scope, receive: Receive, send: Send) -> "Exchange":
        """From what ASGI gives; the Edge has been there before."""
        headers = [(name.lower(), value) for name, value in scope["headers"]]
        address = scope["client"][0] if scope.get("client") else ""
        client = Client(address, sane_host(first(headers, b"host")), scope["scheme"])
        return cls(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"],
            headers=headers,
            client=client,
            request_id=(first(answer_headers(scope), REQUEST_ID) or b"").decode(),
            receive=receive,
            send=send,
        )

    def header(self, name: bytes) -> str | None:
        """Text of the first header of that name."""
        value = first(self.headers, name)
        return None if value is None else value.decode("latin-1")

    def target(self, path: str) -> str:
        """The encoded path with this request's query. Raises: ProblemError when it is too long."""
        query = quote(self.query, safe=_QUERY_SAFE)
        target = quote(path, safe=_PATH_SAFE) + (f"?{query}" if query else "")
        if len(target) > _LONGEST_TARGET:
            raise ProblemError("invalid", f"the address is longer than {_LONGEST_TARGET} bytes")
        return target

    async def body(self) -> bytes:
        """The whole body, which the Edge has bounded. Raises: ClientGone."""
        chunks: list[bytes] = []
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunks.append(message.get("body", b""))
            if not message.get("more_body", False):
                return b"".join(chunks)

    async def answer(self, status: int, headers: Iterable[Header], body: bytes = b"") -> None:
        """A whole answer at once."""
        await self.send({"type": "http.response.start", "status": status, "headers": list(headers)})
        await self.send({"type": "http.response.body", "body": body})

    async def stream(self, status: int, headers: Iterable[Header], chunks: AsyncIterator[bytes]) -> None:
        """An answer chunk by chunk, as fast as the client reads."""
        await self.send({"type": "http.response.start", "status": status, "headers": list(headers)})
        async for chunk in chunks:
            await self.send({"type": "http.response.body", "body": chunk, "more_body": True})
        await self.send({"type": "http.response.body", "body": b""})

    async def while_connected(self, work: Coroutine[None, None, None]) -> None:
        """Do the work, and drop it as soon as the client hangs up. The body has been read before."""
        working = asyncio.ensure_future(work)
        leaving = asyncio.ensure_future(self._departure())
        try:
            await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            is_done = working.done()
            for task in (working, leaving):
                task.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)
        if is_done:
            working.result()

    async def _departure(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass
