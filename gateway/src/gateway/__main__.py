"""`python -m gateway`: serve until SIGTERM or SIGINT; with several workers, SIGHUP replaces them in turn."""

import os
import socket
import sys

from bookcore.domain.errors import BookstreamError
from bookcore.kit.app import bind
from bookcore.kit.logging import configure_logging
from bookcore.kit.parent import stop_with_parent
from bookcore.kit.settings import read_settings
from gateway.app import create_app
from gateway.dataplane.server import serve
from gateway.settings import Settings
from gateway.workers import Workers, bind_for, worker_command


def main() -> int:
    """The exit code: 0 after a clean stop; 1 with one plain line when it can't start."""
    try:
        settings = read_settings(Settings)
        configure_logging(settings, service="gateway")
        stop_with_parent()
        if sys.argv[1:2] == ["worker"]:
            _work(settings, descriptor=int(sys.argv[2]), tell=int(sys.argv[3]))
        elif settings.gateway_workers == 1:
            serve(create_app(settings), bind(settings.gateway_host, settings.gateway_port))
        else:
            places = bind_for(settings.gateway_workers, settings.gateway_host, settings.gateway_port)
            Workers(places, worker_command).run()
    except BookstreamError as error:
        sys.stderr.write(f"gateway: {error}\n")
        return 1
    return 0


def _work(settings: Settings, *, descriptor: int, tell: int) -> None:
    def started() -> None:
        os.write(tell, b"1")
        os.close(tell)

    serve(create_app(settings), socket.socket(fileno=descriptor), on_started=started)


if __name__ == "__main__":
    sys.exit(main())
