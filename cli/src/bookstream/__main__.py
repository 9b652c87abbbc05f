"""The command line: one verb per job; errors are one line on standard error and a non-zero exit."""

import sys
from collections.abc import Callable

import typer

from bookcore.domain.errors import BookstreamError
from bookstream.commands import looking, running
from bookstream.commands.dlq import dlq
from bookstream.commands.fleet import fleet
from bookstream.commands.import_table import import_
from bookstream.commands.learning import model, train
from devstack.__main__ import stack

HELP = """Bookstream: crawl bookshops, keep every event, search and serve the books.

Start with `bookstream demo`: it runs everything on this machine, crawls a shop and prints lines to paste.
Data stays in ./var (see --data); a second start goes on from what is there.
"""
_PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}


def command_line() -> typer.Typer:
    """All verbs."""
    cli = typer.Typer(
        help=HELP,
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    verbs: tuple[Callable[..., None], ...] = (
        *(running.demo, running.up, running.crawl),
        *(looking.status, looking.audit, looking.export, looking.topics, looking.replay, looking.reextract),
    )
    for verb in verbs:
        cli.command()(verb)
    cli.command("import")(import_)
    cli.command()(train)
    cli.add_typer(model(), name="model")
    cli.command(context_settings=_PASS_THROUGH, add_help_option=False)(running.shop)
    cli.add_typer(dlq(), name="dlq")
    cli.add_typer(fleet(), name="fleet")
    cli.add_typer(stack(), name="stack")
    return cli


def main() -> None:
    """Exit codes: 0 done, 1 failed (one line says why), 2 wrong words, 130 stopped by Ctrl-C."""
    try:
        command_line()(standalone_mode=True)
    except BookstreamError as error:
        sys.stderr.write(f"bookstream: {error}\n")
        sys.exit(1)
    except OSError as error:
        sys.stderr.write(f"bookstream: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
