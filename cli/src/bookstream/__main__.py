"""The command line: one verb per job; an error is one line on standard error and a non-zero exit code."""

import sys
from collections.abc import Callable

import typer

from bookcore.domain.errors import BookstreamError
from bookstream.commands import dlq, fleet, model
from bookstream.commands.audit import audit
from bookstream.commands.crawl import crawl
from bookstream.commands.demo import demo
from bookstream.commands.export import export
from bookstream.commands.import_table import import_table
from bookstream.commands.reextract import reextract
from bookstream.commands.replay import replay
from bookstream.commands.shop import shop
from bookstream.commands.stack import stack
from bookstream.commands.status import status
from bookstream.commands.topics import topics
from bookstream.commands.train import train
from bookstream.commands.up import up

HELP = """Bookstream: crawl bookshops, store every event, search and serve the books.

Start with `bookstream demo`: it runs all services on this machine, crawls a shop and prints requests to
paste. Data is stored in ./var (see --data); the next start continues with it.
"""
_PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}
_VERBS: tuple[Callable[..., None], ...] = (demo, up, crawl, status, audit, export, topics, replay, reextract)


def create_app() -> typer.Typer:
    """All verbs."""
    app = typer.Typer(
        help=HELP,
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for verb in _VERBS:
        app.command()(verb)
    app.command("import")(import_table)
    app.command()(train)
    app.add_typer(model.create_group(), name="model")
    app.add_typer(dlq.create_group(), name="dlq")
    app.add_typer(fleet.create_group(), name="fleet")
    for program in (shop, stack):
        app.command(context_settings=_PASS_THROUGH, add_help_option=False)(program)
    return app


def main() -> None:
    """Exit codes: 0 done, 1 failed (one line says why), 2 invalid arguments, 130 stopped by Ctrl-C."""
    try:
        create_app()(standalone_mode=True)
    except (BookstreamError, OSError) as error:
        sys.stderr.write(f"bookstream: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
