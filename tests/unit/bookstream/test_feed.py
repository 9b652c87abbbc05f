"""Feeds are imported by their reader: a mapping names the source, the reader and the profile."""

import json
import tomllib
from contextlib import closing
from datetime import UTC, datetime
from gzip import compress
from pathlib import Path

import pytest
from tests.unit.bookstream.test_import import read_letters, read_observed, read_reasons, run_import
from tests.unit.bookstream.test_onix import build_message, build_product

from bookcore.domain.errors import Invalid
from bookcore.domain.printed_listing import PrintedListing
from booksources.feeds import FeedMapping, load_feed_mapping, suggest_feed_mapping
from booksources.intake.intake import ListingIntake
from booksources.reading import Listing
from bookstream.import_records import open_records

AT = datetime(2026, 11, 27, tzinfo=UTC)
HOUSE = """source = "house"
reader = "onix"
[profile]
currency = "GBP"
territory = "GB"
"""
DELETED = "<Product><RecordReference>gone</RecordReference><NotificationType>05</NotificationType></Product>"
PARTIAL = "<Product><RecordReference>part</RecordReference><NotificationType>04</NotificationType></Product>"


def write_feed(folder: Path) -> tuple[Path, Path]:
    """A packed feed with three books, one of them twice, a withdrawn and a partial one; and its mapping."""
    first = build_product(1)
    products = (first, build_product(2), first, build_product(1, price="1.00"), DELETED, PARTIAL)
    feed, mapping = folder / "feed.xml.gz", folder / "house.toml"
    feed.write_bytes(compress(build_message(*products).encode()))
    mapping.write_text(HOUSE)
    return feed, mapping


def test_feed_is_published_with_its_offers_and_withdrawals(tmp_path: Path) -> None:
    feed, mapping = write_feed(tmp_path)
    done = run_import(feed, mapping=str(mapping))
    assert done.returncode == 0, done.stderr
    account = json.loads(done.stdout)
    counts = {name: account[name] for name in ("rows", "books", "equal", "gone", "parked")}
    assert counts == {"rows": 6, "books": 2, "equal": 1, "gone": 1, "parked": 2}
    assert sorted(str(event.source_id) for event in read_observed(feed)) == ["r1", "r2"]
    reasons = sorted(read_reasons(feed))
    assert reasons[0].startswith("record 4: states something else than an earlier record of the same id")
    assert reasons[1].startswith("record 6: has no title")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('source = "x"\nreader = "onyx"', "is no reader of files; there are google_books, marc"),
        ('source = "x"\nreader = "schema_org"', "is no reader of files"),
        ('source = "x"\nreader = "onix"\n[profile]\ncurrency = "ZZZ"', "is no currency code of ISO 4217"),
        ('source = "X y"\nreader = "onix"', "mapping.source"),
    ],
)
def test_mistake_in_a_mapping_is_named(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    with pytest.raises(Invalid, match=reason):
        load_feed_mapping(str(path))


def test_record_larger_than_an_event_is_parked_and_the_rest_goes_on(tmp_path: Path) -> None:
    table, mapping = tmp_path / "large.jsonl", tmp_path / "large.toml"
    rows = ({"id": f"b{n}", "title": "A", "text": "word " * (400_000 if n == 2 else 1)} for n in (1, 2, 3))
    table.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    mapping.write_text(
        'source = "large"\n[fields]\nsource_id = { column = "id" }\ntitle = { column = "title" }\n'
        'description = { column = "text" }\n'
    )
    done = run_import(table, mapping=str(mapping))
    assert done.returncode == 0, done.stderr
    account = json.loads(done.stdout)
    assert (account["books"], account["parked"]) == (2, 1)
    assert [event.source_id for event in read_observed(table)] == ["b1", "b3"]
    (letter,) = read_letters(table)
    assert letter.body is not None


@pytest.mark.parametrize(
    ("beginning", "reader"),
    [
        (build_message(build_product(1)), "onix"),
        ('<?xml version="1.0"?>\n<!-- ours --><product xmlns="x"><a001>1</a001></product>', "onix"),
        ('<feed xmlns="http://www.w3.org/2005/Atom"><title>Books</title></feed>', "opds"),
        ('<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"/>', "merchant"),
        ('<rss version="2.0"><channel/></rss>', "merchant"),
        ('<marc:collection xmlns:marc="http://www.loc.gov/MARC21/slim"/>', "marc"),
        ("00714cam a2200205 a 4500", "marc"),
        ('{"metadata": {"title": "x"}, "publications": []}', "opds"),
        ('{"products":[{"id":1,"handle":"x","variants":[]}]}', "shopify"),
        ('[{"id":1,"permalink":"https://a.example/x","prices":{"currency_minor_unit":2}}]', "woocommerce"),
        ('{"kind": "books#volumes", "items": []}', "google_books"),
        ('{"numFound": 1, "docs": []}', "open_library"),
    ],
)
def test_format_of_a_feed_is_told_by_its_beginning(tmp_path: Path, beginning: str, reader: str) -> None:
    feed = tmp_path / "Our feed-1.xml"
    feed.write_text(beginning)
    suggested = suggest_feed_mapping(feed)
    assert suggested is not None
    (tmp_path / "m.toml").write_text(suggested)
    mapping = load_feed_mapping(str(tmp_path / "m.toml"))
    assert mapping is not None
    assert (mapping.source, mapping.reader) == ("our_feed_1", reader)


@pytest.mark.parametrize(
    "beginning", ["", "id,title\n1,A\n", '[{"id": 1, "title": "A"}]', "<html></html>", "<"]
)
def test_other_files_are_no_feed(tmp_path: Path, beginning: str) -> None:
    path = tmp_path / "books.csv"
    path.write_text(beginning)
    assert suggest_feed_mapping(path) is None


@pytest.mark.parametrize("printed", ["2026-11-01T06:00:00+01:00", '"2026-11-01T05:00"'])
def test_time_of_a_file_is_the_version_of_records_that_tell_none(printed: str) -> None:
    mapping = FeedMapping.model_validate(tomllib.loads(f"as_of = {printed}\n{HOUSE}"))
    assert mapping.as_of is not None
    with closing(ListingIntake("house", AT, record="record", as_of=mapping.as_of)) as intake:
        told = datetime(2026, 11, 2, tzinfo=UTC)
        book = PrintedListing(title="A")
        listings = [Listing("a", "", book), Listing("b", "", book, told)]
        taken = [intake.take(n, listing) for n, listing in enumerate(listings, start=1)]
    assert [one and one.as_of for one in taken] == [datetime(2026, 11, 1, 5, tzinfo=UTC), told]


@pytest.mark.parametrize(
    ("printed", "complaint"),
    [
        ('"yesterday"', "mapping.as_of: is no day or moment such as 2026-11-01"),
        ("1969-12-31", "is no day from 1970"),
        ("2099-01-01", "is in the future"),
    ],
)
def test_moment_that_no_file_can_have_is_refused(tmp_path: Path, printed: str, complaint: str) -> None:
    (tmp_path / "m.toml").write_text(f"as_of = {printed}\n{HOUSE}")
    with pytest.raises(Invalid, match=complaint), open_records(tmp_path / "x", str(tmp_path / "m.toml"), AT):
        pass
