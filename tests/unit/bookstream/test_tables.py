"""Untidy tables: a mistake ends in a reason for its row or in one line, never in a traceback."""

import json
import subprocess
from pathlib import Path

import pytest
from tests.unit.bookstream.test_import import (
    list_authors,
    list_prices,
    read_observed,
    read_reasons,
    run_import,
)
from tests.warm import run_warm

from booksources.tables.amounts import normalise_amounts
from booksources.tables.mapping import parse_mapping

MAPPING = """
source = "my_shop"
[fields]
source_id = { hash = ["Title"] }
title = { column = "Title" }
price = { column = "Price", decimal = "," }
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "mapping.toml").write_text(MAPPING)
    return tmp_path / "books.csv"


def run_bookstream(*words: str) -> subprocess.CompletedProcess[str]:
    return run_warm("bookstream", *words)


@pytest.mark.parametrize(
    ("printed", "decimal", "plain"),
    [
        ("1.234,56 EUR", ",", "1234.56 EUR"),
        ("€ 12,5", ",", "€ 12.5"),
        ("1 234 567,80 EUR", ",", "1234567.80 EUR"),
        ("1,234.50 USD", ".", "1234.50 USD"),
        ("1'250.00 CHF", ".", "1250.00 CHF"),
        ("7 GBP", ".", "7 GBP"),
        ("1,50 EUR", ".", "1,50 EUR"),
        ("1,2,3", ",", "1,2,3"),
        ("9.99.9", ".", "9.99.9"),
    ],
)
def test_amounts_are_normalised_and_ambiguous_ones_unchanged(printed: str, decimal: str, plain: str) -> None:
    assert normalise_amounts(printed, decimal) == plain


def test_prices_that_cannot_be_read_cost_the_price_only(path: Path) -> None:
    prices = [
        "12,50 EUR",
        "12,50",
        "€12,50",
        "12.50.1 EUR",
        "1.234,50 EUR",
        "12,50 eur",
        "Rs. 12",
        "-5,00 EUR",
    ]
    path.write_text("Title;Price\n" + "".join(f"Book {n};{price}\n" for n, price in enumerate(prices)))
    done = run_import(path)
    taken = sorted(list_prices(event) for event in read_observed(path))
    assert taken == [[], [], [], [], ["12.50 EUR"], ["12.50 EUR"], ["12.50 EUR"], ["1234.50 EUR"]]
    told = json.loads(done.stdout)
    assert (told["published"], told["dropped"]) == (8, {"price": 4})


@pytest.mark.parametrize("mark", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_byte_order_marks_and_delimiters_are_detected(path: Path, mark: str, delimiter: str) -> None:
    rows = (("Title", "Price", '"a, b, c, d"'), ("Čaj", "8,00 EUR", ""))
    path.write_bytes("".join(f"{delimiter.join(row)}\n" for row in rows).encode(mark))
    done = run_import(path)
    assert done.returncode == 0, done.stderr
    assert [event.printed.title for event in read_observed(path)] == ["Čaj"]


def test_bytes_of_another_encoding_reject_only_their_rows(path: Path) -> None:
    path.write_bytes("Title;Price\nPlain;8 EUR\nČaj;8 EUR\n".encode("windows-1250"))
    assert run_import(path).returncode == 0
    assert [event.printed.title for event in read_observed(path)] == ["Plain"]
    (reason,) = read_reasons(path)
    assert "row 2: has bytes that are no utf-8-sig text; name the table's `encoding`" in reason
    (path.parent / "mapping.toml").write_text(f'encoding = "windows-1250"\n{MAPPING}')
    assert run_import(path).returncode == 0
    assert {event.printed.title for event in read_observed(path)} == {"Plain", "Čaj"}


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"Title,Price,Title\nA,1 EUR,B\n", "the header names 'Title' twice"),
        (b"T\xeftle,Price\nA,1 EUR\n", "the header is no utf-8-sig text"),
        (b"", "has no header"),
        (b"\xff\xfe\x00", "the header is no"),
        (b'"Title,Price\nA,1\n', "the header can't be read"),
    ],
)
def test_invalid_header_is_rejected_in_one_line(path: Path, body: bytes, complaint: str) -> None:
    path.write_bytes(body)
    done = run_import(path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert complaint in done.stderr


def test_random_bytes_and_quotes_never_end_in_a_traceback(path: Path) -> None:
    body = b"Title,Price\n" + bytes(range(256)) * 3 + b'\n"open,1 EUR\nA,1 EUR,\n\n,\n\x00,\x00\n'
    path.write_bytes(body)
    done = run_import(path)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert json.loads(done.stdout)["published"] == 0


def test_dry_run_prints_books_and_reasons_and_writes_nothing(path: Path) -> None:
    path.write_text("Title;Price\nThe Lamp;1.234,50 EUR\nFree;gratis\nTorn\n")
    words = ("import", str(path), "--mapping", str(path.parent / "mapping.toml"), "--dry-run")
    done = run_bookstream(*words, "--data", str(path.parent / "data"))
    books, rest = done.stdout.split("refused, ", 1)
    assert books.splitlines()[1:3] == ["  title: The Lamp", "  price: 1234.50 EUR"]
    assert rest.splitlines() == [
        "row 3: has 1 cells where the header has 2",
        "3 rows are 2 books · 2 would be published · 1 parked",
        "  parked: 1 x has 1 cells where the header has 2",
        "nothing was written; without --dry-run it will be",
    ]
    assert not (path.parent / "data").exists()
    assert json.loads(run_bookstream(*words, "--json").stdout)["accepted"] == 2


def test_suggested_mapping_works_once_corrected(path: Path) -> None:
    path.write_text(
        "SKU;Book Name;Writer;Preis;Pages;Binding;Year;Rating;Colour\n"
        "a1;The Lamp;Ana Huang, Bo Li;12,50;288 pages;Hardback;12 May 2019;4.55 of 5;red\n"
        "a2;Untold;;1.200,00;0;Paperback;;;blue\n"
    )
    done = run_bookstream("import", str(path))
    assert "# Not used: Colour" in done.stdout
    assert "write its code" in done.stdout
    (path.parent / "mapping.toml").write_text(done.stdout.replace('# currency = "???"', 'currency = "EUR"'))
    assert run_import(path).returncode == 0
    lamp, untold = read_observed(path)
    assert (lamp.source, lamp.source_id, list_prices(lamp)) == ("books", "a1", ["12.50 EUR"])
    assert (list_prices(untold), untold.printed.pages) == (
        ["1200.00 EUR"],
        None,
    )
    details = lamp.printed
    assert (list_authors(lamp), details.pages, details.published, details.average_rating) == (
        ["Ana Huang", "Bo Li"],
        "288",
        "2019-05-12",
        "4.55",
    )


@pytest.mark.parametrize(
    ("header", "advice"),
    [("Colour,Size\nred,1\n", '# title = { column = "..." }'), ("Title,Price\n", "has no rows")],
)
def test_suggestion_lists_what_is_missing(path: Path, header: str, advice: str) -> None:
    path.write_text(header)
    done = run_bookstream("import", str(path))
    assert advice in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("machinehack_book_price/train_6237.csv.gz", "INR"),
        ("waterstones/waterstones_records.jsonl.gz", "GBP"),
        ("serbian_bookshop/books.csv.gz", "RSD"),
    ],
)
def test_suggested_mappings_accept_nearly_all_rows_of_real_tables(
    shared_data: Path, tmp_path: Path, file: str, code: str
) -> None:
    text = run_bookstream("import", str(shared_data / file)).stdout.replace(
        '# currency = "???"', f'currency = "{code}"'
    )
    assert parse_mapping(text).fields.keys() >= {"source_id", "title", "price", "authors"}
    (tmp_path / "guess.toml").write_text(text)
    words = (
        "import",
        str(shared_data / file),
        "--mapping",
        str(tmp_path / "guess.toml"),
        "--dry-run",
        "--json",
    )
    told = json.loads(run_bookstream(*words).stdout)
    of_one_id = told["reasons"].get("states something else than an earlier row of the same id", 0)
    assert told["accepted"] + told["equal"] + of_one_id > 0.95 * told["rows"]
