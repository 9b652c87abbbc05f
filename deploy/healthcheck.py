"""Health of a container: `python3 healthcheck.py` exits with 0 when it is healthy.

BOOKSTREAM_HEALTH is a URL, which must answer with a 2xx status within 4 s. Without one the admin port's
`/health/ready` is asked; a container without either is healthy while its process runs.
"""

import os
import sys
import urllib.request


def choose_url() -> str:
    """The URL to ask; "" for none."""
    port = os.environ.get("BOOKSTREAM_ADMIN_PORT", "0")
    ready = f"http://127.0.0.1:{port}/health/ready" if port != "0" else ""
    return os.environ.get("BOOKSTREAM_HEALTH") or ready


def is_healthy(url: str) -> bool:
    """Asks the URL."""
    try:
        urllib.request.urlopen(url, timeout=4).close()  # noqa: S310 - the image's own setting
    except OSError:
        return False
    return True


if __name__ == "__main__":
    chosen = choose_url()
    sys.exit(0 if not chosen or is_healthy(chosen) else 1)
