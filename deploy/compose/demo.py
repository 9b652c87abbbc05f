"""The demo image: built, run as `docker run -p PORT:8080 bookstream`, asked for its books."""

import os
import socket
import time
import urllib.request
from threading import Event

from deploy.compose.engine import Engine

from bookcore.domain.errors import Unavailable

_IMAGE, _NAME = "bookstream-demo-test", "bookstream-demo-test"
_INDEXES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX")
_WITHIN = 240.0  # seconds


def build_demo(engine: Engine) -> None:
    """Raises: Unavailable."""
    given = [word for name in _INDEXES if name in os.environ for word in ("--build-arg", name)]
    engine.run("docker", "build", "-q", "-t", _IMAGE, "-f", "deploy/demo/Dockerfile", *given, ".")


def run_demo(engine: Engine) -> str:
    """One line about the books that it has; the container is removed.

    Raises: Unavailable with the end of its log when it has none in time.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    limits = [
        "--read-only",
        "--tmpfs=/tmp",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--memory=2g",
    ]
    unreachable = "--env=BOOKSTREAM_TOSCRAPE_URL=http://127.0.0.1:9/"
    engine.run(
        *("docker", "run", "--detach", "--rm", f"--name={_NAME}", f"--publish=127.0.0.1:{port}:8080"),
        *(*limits, unreachable, _IMAGE),
    )
    try:
        return _await_books(engine, port)
    finally:
        engine.run("docker", "stop", "-t", "20", _NAME)


def _await_books(engine: Engine, port: int) -> str:
    deadline, pause = time.monotonic() + _WITHIN, Event()
    while True:
        log = engine.run("docker", "logs", _NAME)
        if " books · " in log and _is_page(port):
            return "demo image: " + next(line for line in log.splitlines() if " books · " in line)
        if time.monotonic() > deadline:
            raise Unavailable(f"the demo has no books: {log.splitlines()[-5:]}")
        pause.wait(1)


def _is_page(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
