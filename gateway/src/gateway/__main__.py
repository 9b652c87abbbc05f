"""`python -m gateway`: serve until SIGTERM or SIGINT."""

import sys

from bookcore.domain.errors import BookstreamError
from bookcore.kit.app import bind, serve
from bookcore.kit.logging import configure_logging
from bookcore.kit.parent import stop_with_parent
from bookcore.kit.settings import read_settings
from gateway.app import create_app
from gateway.settings import Settings


def main() -> int:
    """0 after a clean stop; 1 with one plain line when it can't start."""
    try:
        settings = read_settings(Settings)
        configure_logging(settings, service="gateway")
        stop_with_parent()
        listener = bind(settings.gateway_host, settings.gateway_port)
        serve(create_app(settings), listener)
    except BookstreamError as error:
        sys.stderr.write(f"gateway: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
