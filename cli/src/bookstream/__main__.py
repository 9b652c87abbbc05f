"""The command line: one verb per job; an error is one line on standard error and a non-zero exit code."""

import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Annotated

import typer

from bookcore.domain.errors import BookstreamError
from bookstream.admin import serve_admin_port
from bookstream.commands import dlq, fleet, model, source, user
from bookstream.commands.access import print_key, print_token
from bookstream.commands.audit import audit
from bookstream.commands.crawl import crawl
from bookstream.commands.demo import run_demo
from bookstream.commands.drill import run_restore_drill
from bookstream.commands.export import export
from bookstream.commands.import_table import import_table
from bookstream.commands.reextract import reextract
from bookstream.commands.replay import replay
from bookstream.commands.shop import serve_shop
from bookstream.commands.stack import run_stack
from bookstream.commands.status import print_status
from bookstream.commands.topics import list_or_apply_topics
from bookstream.commands.train import train
from bookstream.commands.up import serve_all

HELP = """Bookstream: crawl bookshops, store every event, search and serve the books.

Start with `bookstream demo`: it runs all services on this machine, crawls a shop and prints requests to
paste. Data is stored in ./var (see --data); the next start continues with it.
"""
_PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}
_VERBS: Mapping[str, Callable[..., None]] = {
    "demo": run_demo,
    "up": serve_all,
    "key": print_key,
    "token": print_token,
    "crawl": crawl,
    "status": print_status,
    "audit": audit,
    "export": export,
    "topics": list_or_apply_topics,
    "replay": replay,
    "drill": run_restore_drill,
    "reextract": reextract,
    "import": import_table,
    "train": train,
}
_PROGRAMS: Mapping[str, Callable[..., None]] = {"shop": serve_shop, "stack": run_stack}
"""Verbs that pass all their arguments to a program."""
_GROUPS: Mapping[str, Callable[[], typer.Typer]] = {
    "model": model.create_group,
    "dlq": dlq.create_group,
    "fleet": fleet.create_group,
    "user": user.create_group,
    "source": source.create_group,
}


def _print_version(is_wanted: bool) -> None:  # noqa: FBT001 - typer's form
    if is_wanted:
        print(f"bookstream {version('bookstream')}")
        raise typer.Exit


def _take_options(
    *,
    _: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version.",
            is_eager=True,
            callback=_print_version,
        ),
    ] = False,
) -> None:
    """Options before the verb."""


def create_app() -> typer.Typer:
    """All verbs."""
    app = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback(help=HELP)(_take_options)
    for name, verb in _VERBS.items():
        app.command(name)(verb)
    for name, program in _PROGRAMS.items():
        app.command(name, context_settings=_PASS_THROUGH, add_help_option=False)(program)
    for name, create_group in _GROUPS.items():
        app.add_typer(create_group(), name=name)
    return app


def main() -> None:
    """Exit codes: 0 done, 1 failed (one line says why), 2 invalid arguments, 130 stopped by Ctrl-C."""
    try:
        with serve_admin_port():
            create_app()(standalone_mode=True)
    except (BookstreamError, OSError) as error:
        sys.stderr.write(f"bookstream: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
