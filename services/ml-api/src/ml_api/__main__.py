"""`python -m ml_api`: serve until SIGTERM or SIGINT."""

import sys

from bookcore.kit.main import run_service
from ml_api.app import create_app
from ml_api.settings import Settings


def main() -> int:
    """The exit code, see bookcore.kit.main."""
    return run_service("ml-api", Settings, create=create_app, where=lambda s: (s.ml_api_host, s.ml_api_port))


if __name__ == "__main__":
    sys.exit(main())
