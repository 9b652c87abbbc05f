"""The services, their ports, and the environment by which they find each other on one machine."""

import random
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bookcore.domain.errors import Unavailable
from bookstream.local_secrets import load_local_secrets
from bookstream.supervisor import Service

_BELOW_EPHEMERAL = range(18_000, 32_000)


@dataclass(frozen=True, slots=True)
class ServicePorts:
    """The port of each HTTP service on 127.0.0.1, and the ingestor's for its metrics."""

    gateway: int
    books_api: int
    search_api: int
    ml_api: int
    ingestor_admin: int

    @property
    def metrics(self) -> Mapping[str, int]:
        """Process -> the port that has its metrics."""
        return {
            "gateway": self.gateway,
            "books-api": self.books_api,
            "search-api": self.search_api,
            "ml-api": self.ml_api,
            "ingestor": self.ingestor_admin,
        }


def choose_ports(gateway: int) -> ServicePorts:
    """The gateway's port as given (0: any free one), the next three for the others where they are free.

    Raises: Unavailable when the gateway's port is taken.
    """
    if gateway and not _is_free(gateway):
        raise Unavailable(f"port {gateway} is in use; choose another with --port")
    chosen = [gateway or find_free_port()]
    for wish in (chosen[0] + 1, chosen[0] + 2, chosen[0] + 3):
        chosen.append(wish if _is_free(wish) and wish not in chosen else find_free_port())
    chosen.append(find_free_port())
    return ServicePorts(*chosen)


def build_environment(data: Path, ports: ServicePorts) -> Mapping[str, str]:
    """Environment variables of every service."""
    secrets = load_local_secrets(data)
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
        "BOOKSTREAM_ADMIN_PORT": "0",  # this program's
        "PYTHONUNBUFFERED": "1",
    }


def list_services(ports: ServicePorts) -> Sequence[Service]:
    """In the order in which they start; they stop the other way round."""
    return [
        Service("ingestor", ["ingestor"], environment={"BOOKSTREAM_ADMIN_PORT": str(ports.ingestor_admin)}),
        Service("books-api", ["books_api"], _build_readiness_url(ports.books_api)),
        Service("search-api", ["search_api"], _build_readiness_url(ports.search_api)),
        Service("ml-api", ["ml_api"], _build_readiness_url(ports.ml_api)),
        Service("gateway", ["gateway"], _build_readiness_url(ports.gateway)),
    ]


def build_scheduler() -> Service:
    """A scraper that begins the runs that are due."""
    return Service("scheduler", ["scraper", "fleet"])


def _build_readiness_url(port: int) -> str:
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


def choose_port(preferred: int) -> int:
    """The preferred port if it is free, else any."""
    return preferred if preferred and _is_free(preferred) else find_free_port()


def find_free_port() -> int:
    """A free TCP port of 127.0.0.1.

    Never an ephemeral one: a client that connects before the service listens could get that very port for
    its own end of the connection, and would keep it.
    """
    return next(port for port in random.sample(_BELOW_EPHEMERAL, 1_000) if _is_free(port))
