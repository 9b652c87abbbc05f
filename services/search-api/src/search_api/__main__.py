"""`python -m search_api`: serve until SIGTERM or SIGINT."""

import sys

from bookcore.kit.main import run_service
from search_api.app import create_app
from search_api.settings import Settings


def main() -> int:
    """The exit code, see bookcore.kit.main."""
    return run_service(
        "search-api", Settings, create=create_app, where=lambda s: (s.search_api_host, s.search_api_port)
    )


if __name__ == "__main__":
    sys.exit(main())
