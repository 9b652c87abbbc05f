"""`bookstream import` as its user types it, on tables of our own and on the real ones."""

import gzip
import json
import subprocess
from pathlib import Path

import pytest
from tests.warm import run_warm

from bookcore.domain.errors import Invalid, NotFound
from bookcore.event_log import open_event_log
from bookcore.events.codec import decode
from bookcore.events.dead_letter import DeadLetter, decode_dead_letter
from bookcore.events.listing import BookObservedV2
from bookcore.events.topics import OBSERVED
from booksources.feeds import load_feed_mapping
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
    return run_warm("bookstream", *words, *(["--json"] if json_ else []))


def read_observed(table: Path) -> list[BookObservedV2]:
    log = open_event_log(f"sqlite://{table.parent}/data/log.db")
    found = [decode(record).event for record in read_topic(log, OBSERVED.name)]
    log.close()
    return [event for event in found if isinstance(event, BookObservedV2)]


def list_prices(event: BookObservedV2) -> list[str | None]:
    return [offer.price for offer in event.printed.offers]


def list_authors(event: BookObservedV2) -> list[str]:
    return [person.name for person in event.printed.contributors]


def read_reasons(table: Path) -> list[str]:
    return [letter.reason for letter in read_letters(table)]


def read_letters(table: Path) -> list[DeadLetter]:
    log = open_event_log(f"sqlite://{table.parent}/data/log.db")
    found = [decode_dead_letter(record) for record in read_topic(log, OBSERVED.dead_letter_topic)]
    log.close()
    return found


def test_rows_become_observed_events_with_their_printed_fields(table: Path) -> None:
    done = run_import(table)
    assert done.returncode == 0, done.stderr
    assert {name: json.loads(done.stdout)[name] for name in ("rows", "published", "parked")} == {
        "rows": 6,
        "published": 4,
        "parked": 2,
    }
    free, lamp, _, untold = sorted(read_observed(table), key=lambda event: event.printed.title or "")
    assert list_authors(lamp) == ["Ana Huang", "Číž"]
    assert (lamp.printed.pages, lamp.printed.dimensions) == ("288", "130 x 205 mm")
    assert (list_prices(lamp), lamp.source, untold.printed.pages) == (["9.90 EUR"], "my_shop", None)
    assert [offer.unpriced for offer in free.printed.offers] == ["free"]
    assert json.loads(done.stdout)["dropped"] == {"price": 1}


def test_invalid_rows_are_parked_with_number_and_reason(table: Path) -> None:
    run_import(table)
    assert read_reasons(table) == [
        "row 4: has 3 cells where the header has 6",
        "row 6: title is missing",
    ]


def test_importing_the_same_table_again_publishes_the_same_events(table: Path) -> None:
    run_import(table)
    run_import(table)
    assert len(read_observed(table)) == 8
    assert len({event.event_id for event in read_observed(table)}) == 4


def test_json_lines_are_read_with_numbers_as_text(table: Path) -> None:
    rows = [{"Title": "A", "Author": ["X", "Y"], "Price": 9.5, "Pages": 10, "W": None, "H": None}, [1], {}]
    path = table.with_name("books.jsonl.gz")
    lines = "\n".join(json.dumps(row) for row in rows) + "\n{"
    path.write_bytes(gzip.compress(lines.encode()))
    run_import(path)
    (event,) = read_observed(path)
    assert (list_prices(event), list_authors(event), event.printed.pages) == (["9.50 EUR"], ["X", "Y"], "10")
    assert [reason.split(":")[1][:20] for reason in read_reasons(path)] == [
        " is no JSON object",
        " title is missing",
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
        ("books.docx", "", "is no table (.csv, .tsv"),
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
    for each in list_bundled_mappings():
        assert load_feed_mapping(each.name) or parse_mapping(each.text)


@pytest.mark.parametrize(
    ("name", "file", "published", "parked"),
    [
        ("serbian_bookshop", "serbian_bookshop/books.csv.gz", 5133, 0),
        ("waterstones", "waterstones/waterstones_4866_cleaned.csv.gz", 4866, 0),
        ("waterstones_records", "waterstones/waterstones_records.jsonl.gz", 450, 173),
        ("machinehack", "machinehack_book_price/train_6237.csv.gz", 6135, 102),
        ("goodbooks", "goodbooks_10k/books.csv.gz", 10_000, 0),
        ("toscrape_table", "books_toscrape_table/books_1000.jsonl.gz", 1000, 0),
    ],
)
def test_real_tables_are_imported(
    shared_data: Path, tmp_path: Path, name: str, file: str, published: int, parked: int
) -> None:
    words = ["import", str(shared_data / file), "--mapping", name, "--data", str(tmp_path), "--json"]
    done = run_warm("bookstream", *words)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["published"], told["parked"]) == (published, parked)


def test_raw_lines_of_a_broken_row_are_kept_and_can_be_redriven(table: Path) -> None:
    table.write_text('Title,Author,Price,Pages,W,H\n"open,A,1.00,1,1,1\nThe Lamp,A,5.00,1,1,1\n')
    assert run_import(table).returncode == 0
    (letter,) = read_letters(table)
    assert (letter.record.value, letter.original.value) == (b'"open,A,1.00,1,1,1',) * 2
    assert "line 2 " in letter.reason
    assert [event.printed.title for event in read_observed(table)] == ["The Lamp"]


def test_rows_of_one_id_are_compared_over_the_whole_table(table: Path) -> None:
    body = "".join(f"Book {n},A,5.00,1,1,1\n" for n in range(600))
    table.write_text(f"Title,Author,Price,Pages,W,H\n{body}Book 1,A,5.00,1,1,1\nBook 2,A,6.00,1,1,1\n")
    done = run_import(table, json_=False)
    assert done.stdout.splitlines()[0].startswith(
        "602 rows are 600 books · 600 published · 1 equal · 1 parked"
    )
    assert read_reasons(table) == ["row 602: states something else than an earlier row of the same id: row 3"]


def test_addresses_of_other_schemes_are_dropped_and_counted(table: Path) -> None:
    mapping = """
    source = "my_shop"
    [fields]
    source_id = { column = "id" }
    title = { column = "title" }
    url = { column = "url" }
    image_url = { column = "image" }
    """
    (table.parent / "mapping.toml").write_text(mapping)
    table.write_text("id,title,url,image\n1,A,javascript:alert(1),data:x\n2,B,https://a.example/b,\n")
    done = run_import(table)
    assert [event.url for event in read_observed(table)] == ["table:my_shop/1", "https://a.example/b"]
    assert json.loads(done.stdout)["dropped"] == {"url": 1, "covers": 1}
