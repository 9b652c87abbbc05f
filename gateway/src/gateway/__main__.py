"""`python -m gateway`: serve until SIGTERM or SIGINT."""

import sys

from bookcore.kit.main import serve_until_told
from gateway.app import create_app
from gateway.settings import Settings


def main() -> int:
    """The exit code, see bookcore.kit.main."""
    return serve_until_told(
        "gateway", Settings, create=create_app, where=lambda s: (s.gateway_host, s.gateway_port)
    )


if __name__ == "__main__":
    sys.exit(main())
