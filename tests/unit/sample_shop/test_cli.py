"""The command line without the server."""

from typer.testing import CliRunner

from sample_shop.cli import cli
from sample_shop.faults import FaultKind
from sample_shop.shop import Moment, Shop
from sample_shop.storefront import render_product

RUN = CliRunner()


def test_page_command_prints_a_page() -> None:
    result = RUN.invoke(cli, ["page", "--book", "3", "--books", "100", "--seed", "9"])
    assert result.stdout_bytes == render_product(Shop(books=100, seed=9), 3, Moment())


def test_unknown_book_number_is_refused() -> None:
    result = RUN.invoke(cli, ["page", "--book", "61"])
    assert result.exit_code == 2
    assert "books 1 to 60" in result.output


def test_help_names_every_fault() -> None:
    text = RUN.invoke(cli, ["serve", "--help"]).output
    assert all(kind in text for kind in FaultKind)


def test_unknown_fault_is_refused_before_listening() -> None:
    result = RUN.invoke(cli, ["serve", "--fault", "flood:1"])
    assert result.exit_code == 2
    assert "no fault is called 'flood'" in result.output
