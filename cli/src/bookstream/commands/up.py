"""`bookstream up`: start all services and serve."""

from bookstream.commands.options import Data, Port
from bookstream.local_services import print_endpoints, run_services, serve_until_interrupted
from bookstream.settings import load_settings


def serve_all(*, data: Data = None, port: Port = 8080) -> None:
    """Start all services and serve until Ctrl-C.

    Prints their addresses and requests to paste, with an API key that lasts. A service that ends is started
    again.
    """
    settings = load_settings(data)
    with run_services(settings, port) as (supervisor, ports):
        print_endpoints(ports, settings.data)
        serve_until_interrupted(supervisor)
