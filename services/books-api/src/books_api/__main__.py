"""`python -m books_api`: serve until SIGTERM or SIGINT."""

import sys

from bookcore.kit.main import run_service
from books_api.app import create_app
from books_api.settings import Settings


def main() -> int:
    """The exit code, see bookcore.kit.main."""
    return run_service(
        "books-api", Settings, create=create_app, where=lambda s: (s.books_api_host, s.books_api_port)
    )


if __name__ == "__main__":
    sys.exit(main())
