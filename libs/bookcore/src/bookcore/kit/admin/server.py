"""The admin port: health and metrics of a process, and nothing else, served by a thread of its own.

Whoever may connect may read, so it belongs on an address that only operators reach. Processes may share the
port (SO_REUSEPORT); whichever gets the connection answers.
"""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import cast

from bookcore.domain.errors import BookstreamError
from bookcore.kit.admin.health import DependencyMonitor, ProcessHealth
from bookcore.kit.listener import bind
from bookcore.kit.logger import get_logger
from bookcore.kit.settings import Settings

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_CONNECTION_SECONDS = 10.0
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AdminPage:
    """A response: status, media type and body."""

    status: int
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class AdminPages:
    """What the port serves. `render_metrics` may block and raises BookstreamError when it can't."""

    health: ProcessHealth
    dependencies: DependencyMonitor
    render_metrics: Callable[[], bytes]
    check_loop: Callable[[], None] = lambda: None
    """Raises: Unavailable when an event loop doesn't turn."""

    def build_page(self, path: str) -> AdminPage | None:
        """None for a path that the port doesn't have."""
        match path:
            case "/health/live":
                return _build_health_page(self.check_live)
            case "/health/ready":
                return _build_health_page(self.health.check_ready)
            case "/health/detail":
                states = self.dependencies.read_states()
                return _build_json(
                    200,
                    {
                        name: {"available": reason is None, "reason": reason}
                        for name, reason in states.items()
                    },
                )
            case "/metrics":
                return self._build_metrics_page()
        return None

    def check_live(self) -> None:
        """Raises: Unavailable when a loop is stuck."""
        self.health.check_live()
        self.check_loop()

    def _build_metrics_page(self) -> AdminPage:
        try:
            return AdminPage(200, METRICS_TYPE, self.render_metrics())
        except BookstreamError as error:
            return _build_json(503, {"status": "unavailable", "detail": str(error)})


class AdminServer:
    """Serves on a listening socket, which it closes."""

    def __init__(self, listener: socket.socket, pages: AdminPages) -> None:
        self._server = _HttpServer(listener, pages)
        self._dependencies = pages.dependencies
        self._thread = Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.25}, name="admin", daemon=True
        )

    def open(self) -> None:
        """Accepts connections."""
        self._dependencies.start()
        self._thread.start()

    def close(self) -> None:
        """Accepts no more; a response under way is completed."""
        self._dependencies.close()
        self._server.shutdown()
        self._server.server_close()


def bind_admin_port(settings: Settings, *, shared: bool = False) -> socket.socket | None:
    """The listening socket of the settings; None for no admin port. Raises: Unavailable when it is taken."""
    if not settings.admin_port:
        return None
    return bind(settings.admin_host, settings.admin_port, shared=shared)


@contextmanager
def open_admin_port(settings: Settings, pages: AdminPages) -> Iterator[None]:
    """Serves within the block, if there is an admin port. Raises: Unavailable when it is taken."""
    listener = bind_admin_port(settings)
    if listener is None:
        yield
        return
    server = AdminServer(listener, pages)
    server.open()
    try:
        yield
    finally:
        server.close()


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, listener: socket.socket, pages: AdminPages) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.pages = pages

    def handle_error(self, request: object, client_address: object) -> None:
        _log.debug("admin connection ended", client=str(client_address), exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _CONNECTION_SECONDS

    def do_GET(self) -> None:
        """GET and HEAD."""
        pages = cast(_HttpServer, self.server).pages
        page = pages.build_page(self.path.partition("?")[0])
        if page is None:
            page = _build_json(404, {"detail": "this port has /metrics and /health only"})
        self.send_response(page.status)
        self.send_header("Content-Type", page.media_type)
        self.send_header("Content-Length", str(len(page.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)

    do_HEAD = do_GET  # noqa: N815 - http.server calls it

    def version_string(self) -> str:
        """No product or version in the Server header."""
        return "bookstream"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Nothing: probes come every few seconds."""


def _build_health_page(check: Callable[[], None]) -> AdminPage:
    try:
        check()
    except BookstreamError as error:
        return _build_json(503, {"status": "unavailable", "detail": str(error)})
    return _build_json(200, {"status": "ok", "detail": None})


def _build_json(status: int, content: object) -> AdminPage:
    return AdminPage(status, "application/json", json.dumps(content).encode())
