"""Command line; `serve` is the default command."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Annotated, Any, get_type_hints

import typer

from sample_shop.app import create_app
from sample_shop.faults import Fault, FaultKind, parse_fault
from sample_shop.server import ListenError, listen, run
from sample_shop.shop import MOST_BOOKS, Moment, Shop
from sample_shop.storefront import render_product

ABOUT = """A bookshop website of our own: pages built like those of books.toscrape.com, any number of books.

Without a command it serves: python -m sample_shop --port 8090 --books 60
"""
SERVE = f"""Serve the shop until Ctrl-C.

A quiet shop: python -m sample_shop

A busy one that also misbehaves: python -m sample_shop --change 120 --fault 429:0.05 --fault slow:0.01

Kinds of fault: {", ".join(FaultKind)}. Ask it for the truth: curl http://127.0.0.1:8090/_shop/truth
"""

cli = typer.Typer(help=ABOUT, no_args_is_help=False, add_completion=False, rich_markup_mode=None)

Books = Annotated[int, typer.Option(min=1, max=MOST_BOOKS, help="Number of books.")]
Seed = Annotated[int, typer.Option(help="Seed of all generated content: titles, prices, stock.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """Options of `serve`."""

    port: Annotated[int, typer.Option(help="Port; 0 picks a free one.")] = 8090
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all interfaces.")] = "127.0.0.1"
    books: Books = 60
    seed: Seed = 1
    change: Annotated[float, typer.Option(min=0, help="Changes of price or stock, in books per minute.")] = 0
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND:SHARE", help="Fault for a share of the pages, e.g. 429:0.05. Repeatable."),
    ] = None
    slow_seconds: Annotated[float, typer.Option(min=0, help="Delay of the fault `slow`, in seconds.")] = 3

    def parse_faults(self) -> list[Fault]:
        """Raises: BadParameter for the first invalid one."""
        try:
            return [parse_fault(text, seconds=self.slow_seconds) for text in self.fault or []]
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error


def serve(flags: ServeOptions) -> None:
    """Serve until SIGINT or SIGTERM. Raises: typer.Exit(1) after one line when the address can't be used."""
    shop = Shop(books=flags.books, seed=flags.seed)
    app = create_app(shop, change_rate=flags.change, faults=flags.parse_faults())
    try:
        listener = listen(flags.host, flags.port)
    except ListenError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    run(app, listener, announce=lambda url: typer.echo(f"{shop.books} books at {url}"))


def _with_options(run_with: Callable[[ServeOptions], None]) -> Callable[..., None]:
    """typer reads options from a signature; this passes it the dataclass's instead of seven parameters."""

    def run_command(**values: Any) -> None:  # typer has checked each value against its field
        run_with(ServeOptions(**values))

    run_command.__dict__["__signature__"] = signature(ServeOptions)
    run_command.__annotations__ = get_type_hints(ServeOptions, include_extras=True)
    return run_command


cli.command("serve", help=SERVE)(_with_options(serve))


@cli.command("page")
def print_page(
    *,
    book: Annotated[int, typer.Option(help="Number of the book, from 1.")] = 1,
    books: Books = 60,
    seed: Seed = 1,
) -> None:
    """Print the page of one book as the server sends it, for use as a test input."""
    try:
        html = render_product(Shop(books=books, seed=seed), book, Moment())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    sys.stdout.buffer.write(html)


def main(arguments: list[str]) -> None:
    """Run a command; exits the process with its code."""
    names_no_command = not arguments or (arguments[0].startswith("-") and arguments[0] != "--help")
    cli(["serve", *arguments] if names_no_command else arguments, prog_name="python -m sample_shop")
