"""All services on this machine: start, serve, stop."""

import json
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bookcore.domain.errors import Unavailable
from bookstream.data_lock import lock_data_folder
from bookstream.interrupts import handle_stop_signals
from bookstream.local_secrets import load_local_secrets
from bookstream.services import ServicePorts, build_environment, choose_ports, list_services
from bookstream.settings import Settings
from bookstream.stores import prepare_stores
from bookstream.supervisor import Supervisor


@contextmanager
def run_services(settings: Settings, port: int) -> Iterator[tuple[Supervisor, ServicePorts]]:
    """All services, healthy, until the end of the block; one such block per data folder.

    Raises: Unavailable when a port is taken, a service doesn't start, or another `bookstream` uses the
    folder.
    """
    handle_stop_signals()
    data = settings.data
    with lock_data_folder(data):
        ports = choose_ports(port)
        environment = build_environment(data, ports)
        prepare_stores(settings)
        with Supervisor(data / "logs", environment) as supervisor:
            services = list_services(ports)
            print(f"starting {', '.join(service.name for service in services)}", file=sys.stderr, flush=True)
            supervisor.start_all(services)
            yield supervisor, ports


def serve_until_interrupted(supervisor: Supervisor, ports: ServicePorts, data: Path) -> None:
    """Print addresses, a token and requests to paste; return on Ctrl-C or SIGTERM.

    Raises: Unavailable naming a service that ended by itself.
    """
    endpoints = f"\n{describe_endpoints(ports, log_in(ports, data))}\n\nCtrl-C stops everything."
    try:
        print(endpoints, flush=True)  # a reader may press Ctrl-C before the next line is reached
        supervisor.watch()
    except KeyboardInterrupt:
        print("stopping", flush=True)


def log_in(ports: ServicePorts, data: Path) -> str:
    """An access token of the first administrator.

    Raises: Unavailable when the gateway doesn't issue one.
    """
    secrets = load_local_secrets(data)
    request = urllib.request.Request(
        f"http://127.0.0.1:{ports.gateway}/v1/auth/login",
        data=json.dumps({"email": secrets.admin_email, "password": secrets.admin_password}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - our own loopback URL
            token: str = json.load(response)["access_token"]
    except OSError as error:
        log = data / "logs" / "gateway.log"
        raise Unavailable(f"the gateway issued no access token ({error}); see {log}") from error
    return token


def describe_endpoints(ports: ServicePorts, token: str) -> str:
    """The addresses, and three requests to paste."""
    base = f"http://127.0.0.1:{ports.gateway}"
    header = f"-H 'Authorization: Bearer {token}'"
    return "\n".join(
        (
            f"gateway     {base}        (docs: {base}/docs)",
            f"books-api   http://127.0.0.1:{ports.books_api}        search-api  http://127.0.0.1:{ports.search_api}"
            f"        ml-api  http://127.0.0.1:{ports.ml_api}",
            "",
            f"curl {header} '{base}/v1/books?sort=-price&limit=3'",
            f"curl {header} '{base}/v1/search?q=light'",
            f"curl {header} '{base}/v1/statistics'",
        )
    )
