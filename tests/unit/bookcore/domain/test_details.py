import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from bookcore.catalogue import open_catalogue
from bookcore.catalogue.engines import create_catalogue_engine
from bookcore.domain.book import Book
from bookcore.domain.change import compare_fields, to_plain_fields
from bookcore.domain.details import NO_DETAILS, Details
from bookcore.domain.normalise import (
    Origin,
    PrintedBook,
    PrintedDetails,
    Rejected,
    hash_printed,
    normalise,
    print_book,
)
from bookcore.events.codec import decode
from bookcore.events.json_schemas import load_examples
from bookcore.events.topics import CHANGED, OBSERVED, STATE
from bookcore.testing.builders import make_book
from bookcore.testing.contracts.catalogue_migration import migrate_to

ORIGIN = Origin("shop", "u1", "https://shop.example/u1")
PRINTED = PrintedBook(title="The Lamp", price="£51.77")
TOLD = PrintedDetails(
    authors="Ana Huang; Milena Sekulić",
    publisher="Laguna",
    published="2024-03",
    pages="288",
    format="Paperback",
    edition="2nd",
    language="Serbian",
    dimensions="13.0 x 20.5 cm",
    weight="0.35 kg",
    isbn="0-439-02348-3",
    average_rating="4.3",
)


def test_the_facts_of_an_edition_are_read() -> None:
    book = normalise(ORIGIN, replace(PRINTED, details=TOLD))
    assert isinstance(book, Book)
    assert book.details == Details(
        authors=("Ana Huang", "Milena Sekulić"),
        publisher="Laguna",
        year=2024,
        pages=288,
        format="Paperback",
        edition="2nd",
        language="Serbian",
        width_mm=130,
        height_mm=205,
        weight_g=350,
    )
    assert book.identifiers == {"isbn13": "9780439023481"}
    assert book.attributes == {"average_rating": "4.3"}


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("published", "soon"),
        ("published", "2024-13"),
        ("pages", "0"),
        ("pages", "-3"),
        ("pages", "many"),
        ("dimensions", "14.0x20525.0 cm"),
        ("dimensions", "0 x 20 cm"),
        ("dimensions", "13 x 20"),
        ("weight", "0 g"),
        ("weight", "heavy"),
        ("weight", "101 kg"),
        ("isbn", "9780439023482"),
        ("isbn", "0439023484"),
        ("isbn", "9.78043902348e+12"),
        ("average_rating", "5.1"),
        ("average_rating", "NaN"),
        ("authors", "x" * 2_001),
        ("authors", ";".join("ab" for _ in range(101))),
        ("publisher", "caf\ufffd"),
    ],
)
def test_facts_that_make_no_sense_are_rejected_by_field(field: str, text: str) -> None:
    told = PrintedDetails(**{field: text})
    rejected = normalise(ORIGIN, replace(PRINTED, details=told))
    assert isinstance(rejected, Rejected)
    assert rejected.field == field


_names = st.text(st.characters(categories=["Ll", "Lu"]), min_size=1, max_size=20)
_sizes = st.integers(1, 5_000)
_details = st.builds(
    Details,
    authors=st.lists(_names, max_size=3).map(tuple),
    publisher=st.none() | _names,
    year=st.none() | st.integers(1000, 2099),
    pages=st.none() | st.integers(1, 99_999),
    format=st.none() | _names,
    language=st.none() | _names,
    width_mm=_sizes,
    height_mm=_sizes,
    thickness_mm=st.none() | _sizes,
    weight_g=st.none() | st.integers(1, 100_000),
)


@given(details=st.just(NO_DETAILS) | _details)
def test_printing_the_facts_and_reading_the_print_gives_the_facts(details: Details) -> None:
    book = replace(make_book(), details=details, identifiers={"upc": "u1", "isbn13": "9780439023481"})
    assert normalise(Origin(book.source, book.source_id, book.url), print_book(book)) == book


def test_a_changed_fact_is_a_change_of_the_book() -> None:
    before = make_book()
    after = replace(before, details=Details(pages=288))
    found = compare_fields(to_plain_fields(before), to_plain_fields(after))
    assert found == [("details", None, {"pages": 288})]


def test_hash_of_a_page_without_details_is_unchanged() -> None:
    known = {"title": "A", "category": None, "rating": None, "price": "£1.00", "availability": None}
    known |= {"upc": None, "description": None, "image_url": None, "price_excl_tax": None, "tax": None}
    lines = [f"{name}={value!r}" for name, value in {**known, "reviews": None, "product_type": None}.items()]
    wanted = sha256("\n".join(["shop", "u1", ORIGIN.url, *lines]).encode()).hexdigest()
    assert hash_printed(ORIGIN, PrintedBook(title="A", price="£1.00")) == wanted


@pytest.mark.parametrize("topic", [OBSERVED.name, CHANGED.name, STATE.name])
def test_messages_from_before_there_were_details_are_read_as_ever(topic: str) -> None:
    for example in load_examples(topic):
        value = example.record.value
        if value is not None:
            data = json.loads(value)
            shown = [data.pop("details", None), data.get("printed", {}).pop("details", None)]
            old = replace(example.record, value=json.dumps(data).encode())
            if not any(shown):
                assert decode(old).event == decode(example.record).event


def test_a_catalogue_of_before_is_brought_up_with_its_books(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/catalogue.db"
    migrate_to(url, "0001")
    with create_engine(url).begin() as connection:
        connection.execute(
            text(
                "INSERT INTO books VALUES ('shop:a', 'shop', 'a', 'u', 'T', 't', NULL, NULL, 10000, 'GBP',"
                " 'unknown', NULL, '{}', NULL, NULL, '{}', 1, 'e', 1, 1, 0)"
            )
        )
    store = open_catalogue(url)
    assert [stored.book.details for stored in store.iterate_books()] == [NO_DETAILS]
    store.close()
    create_catalogue_engine(url).dispose()
