"""uvicorn's HTTP/1.1 protocol without what it only needs while it is in use: an idle connection is small."""

import asyncio
from collections import deque
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

_NO_SCOPE: Any = {}  # Any: uvicorn's own types
_NO_PIPELINE: deque[Any] = deque()
"""Those of a connection while uvicorn's protocol is not in use."""


def create_blank(config: Config, server_state: ServerState, app_state: dict[str, Any]) -> HttpToolsProtocol:
    """The state of a connection before its first request, as uvicorn initialises it, without a parser."""
    blank = HttpToolsProtocol(config, server_state, app_state)
    blank.parser = None  # type: ignore[assignment]  # as uvicorn has it after the last request
    blank.scope, blank.pipeline, blank.scheme = _NO_SCOPE, _NO_PIPELINE, "http"
    return blank


class CompactProtocol(HttpToolsProtocol):
    """Its parser, flow control and last request are freed and allocated again; `url` is that one's target."""

    __slots__ = ("url",)

    def __init__(self, blank: HttpToolsProtocol) -> None:
        """Copies the blank: uvicorn's own initialiser costs more than a request."""
        for name, value in blank.__dict__.items():
            setattr(self, name, value)
        self.url = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Like uvicorn's, without system calls for the two addresses, which the acceptor knows."""
        self.transport = transport
        self.connections.add(self)

    def release_asgi(self) -> None:
        """Frees them; it matters with 10,000 idle connections."""
        if self.flow is None or self.flow.write_paused or self.flow.read_paused:
            return
        self.cycle = None  # type: ignore[assignment]  # as uvicorn has it before the first request
        self.headers = self.flow = self.parser = None  # type: ignore[assignment]
        self.scope, self.pipeline = _NO_SCOPE, _NO_PIPELINE
        self.url = b""

    def prepare_asgi(self) -> None:
        """Allocates them again."""
        if self.flow is None:
            self.flow = FlowControl(self.transport)
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            self.pipeline = deque()

    @property
    def is_answering(self) -> bool:
        """Whether a response of the ASGI app is under way."""
        return self.cycle is not None and not self.cycle.response_complete
