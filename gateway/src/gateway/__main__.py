"""`python -m gateway`: serves until SIGTERM or SIGINT; with several workers, SIGHUP replaces them in turn.

`python -m gateway make-key [FOLDER]`: make the first signing key, for a deployment to hand to every gateway.
"""

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from bookcore.domain.errors import BookstreamError, Unavailable
from bookcore.kit.logger import get_logger
from bookcore.kit.logging import configure_logging
from bookcore.kit.parent_process import stop_with_parent
from bookcore.kit.settings import read_settings
from gateway.app import create_app
from gateway.auth.signing_key_files import SIGNING, create_first_key
from gateway.downstream.server import GatewayServer, serve
from gateway.observability.worker_counters import WorkerCounters, fold_exited
from gateway.settings import Settings
from gateway.takeover import join_port, take_over
from gateway.workers import ADOPT, RELEASE, Workers, bind_sockets, build_worker_command

_log = get_logger(__name__)


def main() -> int:
    """Returns the exit code: 0 after a clean stop; 1 with a one-line message when it can't start."""
    try:
        settings = read_settings(Settings)
        configure_logging(settings, service="gateway")
        stop_with_parent()
        if sys.argv[1:2] == ["make-key"]:
            _make_key(Path(sys.argv[2]) if len(sys.argv) > 2 else settings.gateway_keys)
        elif sys.argv[1:2] == ["worker"]:
            _run_worker(settings, sys.argv[2:])
        elif settings.gateway_workers == 1:
            _serve_alone(settings)
        else:
            _serve_together(settings)
    except BookstreamError as error:
        sys.stderr.write(f"gateway: {error}\n")
        return 1
    return 0


def _make_key(folder: Path) -> None:
    sys.stdout.write(f"{'made' if create_first_key(folder) else 'kept'} {folder / SIGNING}\n")


def _serve_alone(settings: Settings) -> None:
    host, port, app = settings.gateway_host, settings.gateway_port, create_app(settings)
    if not settings.gateway_takes_over:
        serve(app, bind_sockets(1, host, port))
        return
    listener = join_port(host, port)

    def on_started(_: GatewayServer) -> None:
        try:
            take_over(listener)
            _log.info("port taken over; stop the old gateway now")
        except Unavailable as error:
            _log.warning("port shared with the old gateway", reason=str(error))

    serve(app, [listener], on_started=on_started)


def _serve_together(settings: Settings) -> None:
    listeners = bind_sockets(settings.gateway_workers, settings.gateway_host, settings.gateway_port)
    with TemporaryDirectory(prefix="bookstream-gateway-") as name:
        folder = Path(name)

        def on_exited(pid: int) -> None:
            try:
                fold_exited(folder, str(pid))
            except OSError as error:
                _log.warning("counters of an exited worker are lost", pid=pid, error=str(error))

        def build_command(index: int, ready_pipe: int) -> Sequence[str]:
            return build_worker_command(listeners, index, ready_pipe, folder)

        Workers(listeners, build_command, on_exited=on_exited).run()


def _run_worker(settings: Settings, arguments: Sequence[str]) -> None:
    descriptors, index, ready_pipe, folder = arguments
    listeners = [socket.socket(fileno=int(descriptor)) for descriptor in descriptors.split(",")]
    app = create_app(settings)
    app.state.metrics.use_worker_counters(WorkerCounters(Path(folder), str(os.getpid())))

    def on_started(server: GatewayServer) -> None:
        os.set_blocking(sys.stdin.fileno(), False)
        loop = asyncio.get_running_loop()
        loop.add_reader(sys.stdin.fileno(), _follow_orders, server, listeners)
        os.write(int(ready_pipe), b"1")
        os.close(int(ready_pipe))

    serve(app, [listeners[int(index)]], on_started=on_started)
    with suppress(OSError):
        app.state.metrics.publish()


def _follow_orders(server: GatewayServer, listeners: Sequence[socket.socket]) -> None:
    """Accepts for a worker that died, until it has been replaced."""
    orders = os.read(sys.stdin.fileno(), 4_096).decode().splitlines()
    if not orders:  # the parent exited: this process is about to be stopped
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
    for line in orders:
        order, index = line.split()
        listener = listeners[int(index)]
        if order == ADOPT:
            server.accept_on(listener)
        elif order == RELEASE:
            server.stop_accepting_on(listener)


if __name__ == "__main__":
    sys.exit(main())
