"""The command line: one verb per job; an error is one line on standard error and a non-zero exit code."""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer

from bookcore.domain.errors import BookstreamError
from bookstream.admin import serve_admin_port

HELP = """Bookstream: crawl bookshops, store every event, search and serve the books.

Start with `bookstream demo`: it runs all services on this machine, crawls a shop and prints requests to
paste. Data is stored in ./var (see --data); the next start continues with it.
"""
_PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}
_COMMANDS = "bookstream.commands"
_VERBS: Mapping[str, str] = {
    "demo": "demo.run_demo",
    "up": "up.serve_all",
    "key": "access.print_key",
    "token": "access.print_token",
    "crawl": "crawl.crawl",
    "status": "status.print_status",
    "audit": "audit.audit",
    "export": "export.export",
    "topics": "topics.list_or_apply_topics",
    "replay": "replay.replay",
    "drill": "drill.run_restore_drill",
    "reextract": "reextract.reextract",
    "import": "import_table.import_table",
    "train": "train.train",
}
_PROGRAMS: Mapping[str, str] = {"shop": "shop.serve_shop", "stack": "stack.run_stack"}
"""Verbs that pass all their arguments to a program."""
_GROUPS = ("model", "dlq", "fleet", "user", "source")
"""Modules with verbs of their own, by `create_group`."""


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


def create_app(words: Sequence[str] = ()) -> typer.Typer:
    """The verb that begins the words, else all: a command imports no other's modules."""
    app = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback(help=HELP)(_take_options)
    known = (*_VERBS, *_PROGRAMS, *_GROUPS)
    for name in words[:1] if words[:1] and words[0] in known else known:
        _add_verb(app, name)
    return app


def _add_verb(app: typer.Typer, name: str) -> None:
    if name in _VERBS:
        app.command(name)(_load(_VERBS[name]))
    elif name in _PROGRAMS:
        app.command(name, context_settings=_PASS_THROUGH, add_help_option=False)(_load(_PROGRAMS[name]))
    else:
        app.add_typer(_load(f"{name}.create_group")(), name=name)


def _load(name: str) -> Callable[..., Any]:  # Any: None of a verb, a group of create_group
    module, _, function = name.rpartition(".")
    loaded: Callable[..., Any] = getattr(import_module(f"{_COMMANDS}.{module}"), function)
    return loaded


def main() -> None:
    """Exit codes: 0 done, 1 failed (one line says why), 2 invalid arguments, 130 stopped by Ctrl-C."""
    try:
        with serve_admin_port():
            create_app(sys.argv[1:])(standalone_mode=True)
    except (BookstreamError, OSError) as error:
        sys.stderr.write(f"bookstream: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
