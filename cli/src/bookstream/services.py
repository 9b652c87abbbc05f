"""Which services there are, and how they find each other on a laptop."""

import random
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bookcore.domain.errors import Unavailable
from bookstream.local_secrets import local_secrets
from bookstream.supervisor import Service

_BELOW_EPHEMERAL = range(18_000, 32_000)


@dataclass(frozen=True, slots=True)
class Ports:
    """Where each HTTP service listens on 127.0.0.1."""

    gateway: int
    books_api: int
    search_api: int
    ml_api: int


def choose_ports(gateway: int) -> Ports:
    """The gateway's as asked (0: any free one), the others next to it or wherever there is room.

    Raises: Unavailable when the gateway's is taken.
    """
    if gateway and not _is_free(gateway):
        raise Unavailable(f"port {gateway} is in use; choose another with --port")
    chosen = [gateway or any_free_port()]
    for wish in (chosen[0] + 1, chosen[0] + 2, chosen[0] + 3):
        chosen.append(wish if _is_free(wish) and wish not in chosen else any_free_port())
    return Ports(*chosen)


def environment_of(data: Path, ports: Ports) -> Mapping[str, str]:
    """What every service is told."""
    secrets = local_secrets(data)
    return {
        "BOOKSTREAM_DATA": str(data.absolute()),
        "BOOKSTREAM_INTERNAL_SECRET": secrets.internal_secret,
        "BOOKSTREAM_BOOTSTRAP_ADMIN_EMAIL": secrets.admin_email,
        "BOOKSTREAM_BOOTSTRAP_ADMIN_PASSWORD": secrets.admin_password,
        "BOOKSTREAM_GATEWAY_PORT": str(ports.gateway),
        "BOOKSTREAM_BOOKS_API_PORT": str(ports.books_api),
        "BOOKSTREAM_SEARCH_API_PORT": str(ports.search_api),
        "BOOKSTREAM_ML_API_PORT": str(ports.ml_api),
        "BOOKSTREAM_ML_API_URLS": f"http://127.0.0.1:{ports.ml_api}",
        "BOOKSTREAM_BOOKS_API_URLS": f"http://127.0.0.1:{ports.books_api}",
        "BOOKSTREAM_SEARCH_API_URLS": f"http://127.0.0.1:{ports.search_api}",
        "PYTHONUNBUFFERED": "1",
    }


def services(ports: Ports) -> Sequence[Service]:
    """In the order in which they start; they stop the other way round."""
    return [
        Service("ingestor", ["ingestor"]),
        Service("books-api", ["books_api"], _ready(ports.books_api)),
        Service("search-api", ["search_api"], _ready(ports.search_api)),
        Service("ml-api", ["ml_api"], _ready(ports.ml_api)),
        Service("gateway", ["gateway"], _ready(ports.gateway)),
    ]


def _ready(port: int) -> str:
    return f"http://127.0.0.1:{port}/health/ready"


def _is_free(port: int) -> bool:
    if port > 65_535:
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port_like(wish: int) -> int:
    """That port if it is free, else any."""
    return wish if wish and _is_free(wish) else any_free_port()


def any_free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody has now.

    Never one that the kernel gives to outgoing connections: a client that knocks before the service listens
    could be given the very port that it knocks at, and would hold it.
    """
    return next(port for port in random.sample(_BELOW_EPHEMERAL, 1_000) if _is_free(port))
