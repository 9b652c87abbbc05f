"""All services on this machine: start, serve, stop."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bookstream.data_lock import lock_data_folder
from bookstream.interrupts import handle_stop_signals
from bookstream.local_access import load_api_key, publish_address, publish_metrics
from bookstream.services import ServicePorts, build_environment, choose_ports, list_services
from bookstream.settings import Settings
from bookstream.stores import prepare_stores, renew_index
from bookstream.supervisor import Service, Supervisor


@contextmanager
def run_services(
    settings: Settings, port: int, *, others: Sequence[Service] = ()
) -> Iterator[tuple[Supervisor, ServicePorts]]:
    """All services and `others`, healthy, until the end of the block; one such block per data folder.

    Raises: Unavailable when a port is taken, a service doesn't start, or another `bookstream` uses the
    folder.
    """
    handle_stop_signals()
    data = settings.data
    ports = choose_ports(port)
    with lock_data_folder(data):
        environment = build_environment(data, ports)
        prepare_stores(settings)
        renew_index(settings)
        with Supervisor(data / "logs", environment) as supervisor:
            services = [*list_services(ports), *others]
            print(f"starting {', '.join(service.name for service in services)}", file=sys.stderr, flush=True)
            supervisor.start_all(services)
            with publish_address(data, build_base_url(ports)), publish_metrics(data, ports.metrics):
                yield supervisor, ports


def serve_until_interrupted(supervisor: Supervisor) -> None:
    """Return on Ctrl-C or SIGTERM; services that end are started again."""
    try:
        print("\nCtrl-C stops everything.", flush=True)
        supervisor.watch()
    except KeyboardInterrupt:
        print("stopping", flush=True)


def print_endpoints(ports: ServicePorts, data: Path) -> None:
    """Print the addresses, and three requests to paste with a key that lasts.

    Raises: Unavailable when the gateway creates no key.
    """
    base = build_base_url(ports)
    header = f"-H 'Authorization: Bearer {load_api_key(base, data)}'"
    lines = (
        f"browse      {base}/",
        "",
        f"gateway     {base}        (docs: {base}/docs, portal: {base}/portal)",
        f"books-api   http://127.0.0.1:{ports.books_api}        search-api  http://127.0.0.1:{ports.search_api}"
        f"        ml-api  http://127.0.0.1:{ports.ml_api}",
        "",
        f"curl {header} '{base}/v1/books?sort=-price&limit=3'",
        f"curl {header} '{base}/v1/search?q=light'",
        f"curl {header} '{base}/v1/statistics'",
    )
    print("\n".join(lines), flush=True)


def build_base_url(ports: ServicePorts) -> str:
    """The gateway's address."""
    return f"http://127.0.0.1:{ports.gateway}"
