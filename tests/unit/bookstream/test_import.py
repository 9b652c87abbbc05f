"""`bookstream import` as its user types it, on tables of our own and on the real ones."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bookcore.domain.errors import Invalid, NotFound
from bookcore.domain.normalise import PrintedDetails
from bookcore.event_log import open_event_log
from bookcore.events.book import BookObserved
from bookcore.events.codec import decode
from bookcore.events.dead_letter import decode_dead_letter
from bookcore.events.topics import OBSERVED
from booksources.tables.mapping import list_bundled_mappings, load_mapping, parse_mapping
from bookstream.topics import read_topic

MAPPING = """
source = "my_shop"
[fields]
source_id = { hash = ["Title", "Author"] }
title = { column = "Title" }
authors = { column = "Author", replace = { ", " = "; " }, absent = ["?"] }
price = { column = "Price", pattern = '([0-9.]+)', write = '\\1 EUR' }
pages = { column = "Pages", absent = ["0"] }
dimensions = { columns = ["W", "H"], join = " x ", pattern = '(.+ x .+)', write = '\\1 mm', lenient = true }
"""
TABLE = """Title,Author,Price,Pages,W,H
The Lamp,"Ana Huang, Číž",9.90,288,130,205
Untold,?,8,0,soon,
Free?,A,gratis,1,1,1
Torn,A,5
"Two
lines",B,NaN,7,1,1
,C,3.00,1,1,1
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "mapping.toml").write_text(MAPPING)
    path = tmp_path / "books.csv"
    path.write_text(TABLE)
    return path


def run_import(table: Path, *, mapping: str = "", json_: bool = True) -> subprocess.CompletedProcess[str]:
    mapping = mapping or str(table.parent / "mapping.toml")
    words = ["import", str(table), "--mapping", mapping, "--data", str(table.parent / "data")]
    command = [sys.executable, "-m", "bookstream", *words, *(["--json"] if json_ else [])]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def read_observed(table: Path) -> list[BookObserved]:
    log = open_event_log(f"sqlite://{table.parent}/data/log.db")
    found = [decode(record).event for record in read_topic(log, OBSERVED.name)]
    log.close()
    return [event for event in found if isinstance(event, BookObserved)]


def read_reasons(table: Path) -> list[str]:
    log = open_event_log(f"sqlite://{table.parent}/data/log.db")
    found = [decode_dead_letter(record).reason for record in read_topic(log, OBSERVED.dead_letter_topic)]
    log.close()
    return found


def test_rows_become_observed_events_with_their_printed_fields(table: Path) -> None:
    done = run_import(table)
    assert done.returncode == 0, done.stderr
    assert {name: json.loads(done.stdout)[name] for name in ("rows", "published", "parked")} == {
        "rows": 6,
        "published": 2,
        "parked": 4,
    }
    lamp, untold = sorted(read_observed(table), key=lambda event: event.printed.title or "")
    assert lamp.printed.details == PrintedDetails(
        authors="Ana Huang; Číž", pages="288", dimensions="130 x 205 mm"
    )
    assert (lamp.printed.price, lamp.source, untold.printed.details) == ("9.90 EUR", "my_shop", None)


def test_invalid_rows_are_parked_with_number_and_reason(table: Path) -> None:
    run_import(table)
    assert read_reasons(table) == [
        "row 3: price is not an amount with a currency: 'gratis'",
        "row 4: has 3 cells where the header has 6",
        "row 5: price is not an amount with a currency: 'NaN'",
        "row 6: title is missing",
    ]


def test_importing_the_same_table_again_publishes_the_same_events(table: Path) -> None:
    run_import(table)
    run_import(table)
    assert len(read_observed(table)) == 4
    assert len({event.event_id for event in read_observed(table)}) == 2


def test_json_lines_are_read_with_numbers_as_text(table: Path) -> None:
    rows = [{"Title": "A", "Author": ["X", "Y"], "Price": 9.5, "Pages": 10, "W": None, "H": None}, [1], {}]
    path = table.with_name("books.jsonl.gz")
    lines = "\n".join(json.dumps(row) for row in rows) + "\n{"
    path.write_bytes(gzip.compress(lines.encode()))
    run_import(path)
    (event,) = read_observed(path)
    assert event.printed.price == "9.5 EUR"
    assert event.printed.details == PrintedDetails(authors="X; Y", pages="10")
    assert [reason.split(":")[1][:20] for reason in read_reasons(path)] == [
        " is no JSON object",
        " price is missing",
        " is no JSON",
    ]


def test_truncated_table_reports_the_row_and_keeps_published_events(table: Path) -> None:
    packed = gzip.compress((TABLE + "More,A,1.00,1,1,1\n" * 5_000).encode())
    path = table.with_name("cut.csv.gz")
    path.write_bytes(packed[: len(packed) - 20])
    done = run_import(path)
    assert (done.returncode, "cut.csv.gz is damaged after row" in done.stderr) == (1, True)
    assert read_observed(path)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("books.csv", "Title,Price\nA,1\n", "the table has no column"),
        ("books.docx", "", "is neither .csv, .tsv, .jsonl nor .xml"),
        ("books.xlsx", "", "is no workbook that can be read"),
        ("nowhere.csv", None, "cannot read"),
    ],
)
def test_file_of_another_kind_is_rejected_in_one_line(
    table: Path, name: str, text: str | None, complaint: str
) -> None:
    path = table.with_name(name)
    if text is not None:
        path.write_text(text)
    done = run_import(path)
    assert (done.returncode, complaint in done.stderr, done.stderr.count("\n")) == (1, True, 1)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("source = ", "is no TOML"),
        ("source = 'A b'\n[fields]", "mapping.source"),
        ("source = 'a'\n[fields]\ncolour = {column = 'x'}", "no such field"),
        ("source = 'a'\n[fields]\ntitle = {column = 'x'}", "source_id: needs a rule"),
        ("source = 'a'\n[fields]\nsource_id = {column = 'x', pattern = '('}", "is no pattern"),
        ("source = 'a'\n[fields]\nsource_id = {colum = 'x'}", "source_id.colum"),
    ],
)
def test_mistake_in_a_mapping_is_reported_by_place(text: str, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        parse_mapping(text)


def test_unknown_mapping_lists_the_bundled_ones() -> None:
    with pytest.raises(NotFound, match="goodbooks, machinehack, onix, serbian_bookshop"):
        load_mapping("none")
    assert [parse_mapping(each.text).source for each in list_bundled_mappings()]


@pytest.mark.parametrize(
    ("name", "file", "published", "parked"),
    [
        ("serbian_bookshop", "serbian_bookshop/books.csv.gz", 5130, 3),
        ("waterstones", "waterstones/waterstones_4866_cleaned.csv.gz", 4866, 0),
        ("waterstones_records", "waterstones/waterstones_records.jsonl.gz", 609, 15),
        ("machinehack", "machinehack_book_price/train_6237.csv.gz", 6237, 0),
        ("toscrape_table", "books_toscrape_table/books_1000.jsonl.gz", 1000, 0),
    ],
)
def test_real_tables_are_imported(
    shared_data: Path, tmp_path: Path, name: str, file: str, published: int, parked: int
) -> None:
    words = ["import", str(shared_data / file), "--mapping", name, "--data", str(tmp_path), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "bookstream", *words], capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout)
    assert (told["published"], told["parked"]) == (published, parked)
