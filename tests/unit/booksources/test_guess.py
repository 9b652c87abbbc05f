"""A mapping is guessed from names and values of columns; most tables need no correction."""

import tomllib
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from booksources.intake.preview import ImportPreview, preview_records
from booksources.tables.intake import TableIntake
from booksources.tables.mapping import parse_mapping
from booksources.tables.reader import detect_format, open_table
from booksources.tables.suggestion import suggest_mapping

TABLES = {
    "bestsellers": (
        "Name,Author,User Rating,Reviews,Price,Year,Genre\n"
        "10-Day Green Smoothie Cleanse,JJ Smith,4.7,17350,8,2016,Non Fiction\n"
        "11/22/63: A Novel,Stephen King,4.6,2052,22,2011,Fiction\n",
        {
            "title": "Name",
            "authors": "Author",
            "average_rating": "User Rating",
            "reviews": "Reviews",
            "price": "Price",
            "published": "Year",
            "category": "Genre",
        },
        {"language": "en"},
    ),
    "readers": (
        "bookID,title,authors,average_rating,isbn13,language_code,  num_pages,ratings_count,"
        "text_reviews_count,publication_date,publisher\n"
        "1,The Lamp,Ann Lee/Bob Ray,4.57,9780439785969,eng,652,2095690,27591,9/16/2006,House Inc.\n"
        "2,The Door,Ann Lee/Cid Moe,4.49,9780439358071,eng,870,2153167,29221,9/1/2004,House Inc.\n",
        {
            "source_id": "bookID",
            "isbn": "isbn13",
            "title": "title",
            "authors": "authors",
            "average_rating": "average_rating",
            "reviews": "ratings_count",
            "pages": "num_pages",
            "language": "language_code",
            "published": "publication_date",
            "publisher": "publisher",
        },
        {"language": "en-US"},
    ),
    "cleaned": (
        "Title,Authors,Description,Category,Publisher,Publish Date,Price Starting With ($)\n"
        'Goat Brothers,"By Colton, Larry",,"History , General",Doubleday,"Friday, January 1, 1993",8.79\n'
        'The Missing,"By Grumbach, Doris",,"Fiction , General",Putnam,"Sunday, March 1, 1981",4.99\n',
        {
            "title": "Title",
            "authors": "Authors",
            "category": "Category",
            "publisher": "Publisher",
            "published": "Publish Date",
            "price": "Price Starting With ($)",
        },
        {"language": "en", "currency": "USD"},
    ),
    "genres": (
        "Title,Author,Main Genre,Sub Genre,Price,Rating,No. of People rated,URLs\n"
        "The Lamp,Ann Lee,Arts,Cinema,₹169.00,4.4,19923.0,https://www.amazon.in/dp/1\n"
        "The Door,Bob Ray,Arts,Cinema,₹99.00,4.5,7686.0,https://www.amazon.in/dp/2\n",
        {
            "title": "Title",
            "authors": "Author",
            "category": "Main Genre",
            "subjects": "Sub Genre",
            "price": "Price",
            "average_rating": "Rating",
            "reviews": "No. of People rated",
            "url": "URLs",
        },
        {"language": "en", "currency": "INR"},
    ),
    "library": (
        "Item Barcode;Titel;Verfasser;ISBN;Verlag;Erscheinungsjahr;Seiten;Sprache;Preis\n"
        "10001;Die Verwandlung;Kafka, Franz;9783150091630;Reclam;1986;96;Deutsch;3,60 €\n"
        "10002;Faust;Goethe, Johann;9783150000014;Reclam;2000;136;Deutsch;2,40 €\n",
        {
            "title": "Titel",
            "authors": "Verfasser",
            "isbn": "ISBN",
            "publisher": "Verlag",
            "published": "Erscheinungsjahr",
            "pages": "Seiten",
            "language": "Sprache",
            "price": "Preis",
        },
        {"language": "de", "decimal": ",", "currency": "EUR"},
    ),
    "measured": (
        "book name,book price,Date Published,Weight (ounces),Dimensions (inches),Binding\n"
        "The Lamp,$12.99,12/25/2019,9.6,5.5 x 8.5,Paperback\n"
        'The Door,"$1,008.50",1/2/2018,8,6 x 9,Hardcover\n',
        {
            "title": "book name",
            "price": "book price",
            "published": "Date Published",
            "weight": "Weight (ounces)",
            "dimensions": "Dimensions (inches)",
            "format": "Binding",
        },
        {"language": "en-US", "currency": "USD"},
    ),
}


def guess(path: Path) -> str:
    form = detect_format(path)
    with open_table(path, form) as rows:
        return suggest_mapping(rows, path.name.partition(".")[0], form)


def preview(path: Path, text: str) -> ImportPreview:
    mapping = parse_mapping(text)
    intake = TableIntake(mapping, datetime(2026, 1, 1, tzinfo=UTC))
    with closing(intake), open_table(path, mapping.format) as rows:
        return preview_records(map(intake.take, rows), intake.account, record="row")


def list_columns(text: str) -> dict[str, Any]:  # Any: TOML
    return {field: rule.get("column") for field, rule in tomllib.loads(text)["fields"].items()}


@pytest.mark.parametrize("name", TABLES)
def test_table_is_guessed_right(tmp_path: Path, name: str) -> None:
    content, columns, profile = TABLES[name]
    path = tmp_path / f"{name}.csv"
    path.write_text(content)
    text = guess(path)
    assert {field: column for field, column in list_columns(text).items() if field in columns} == columns
    assert tomllib.loads(text)["profile"] == profile
    result = preview(path, text)
    assert (result.account.books, result.account.parked) == (2, 0)
    priceless = {"price": 2} if "price" in columns and "currency" not in profile else {}
    assert result.account.dropped == priceless


def test_inches_and_ounces_become_millimetres_and_grams(tmp_path: Path) -> None:
    path = tmp_path / "measured.csv"
    path.write_text(TABLES["measured"][0])
    lamp = preview(path, guess(path)).books[0]
    assert (lamp.details.width_mm, lamp.details.height_mm, lamp.details.weight_g) == (140, 216, 272)
    assert (str(lamp.price), lamp.details.published) == ("12.99 USD", "2019-12-25")


def test_id_that_repeats_late_in_the_table_is_no_id(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    rows = "".join(f"{n},Book {n},Ann Lee\n" for n in [*range(3_000), 5])
    path.write_text(f"id,title,author\n{rows}")
    assert 'source_id = { hash = ["title", "author"] }' in guess(path)


def test_encoding_is_shown_and_taken(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_bytes("id,title\n1,Café\n".encode("cp1252"))
    text = guess(path)
    assert 'encoding = "cp1252"' in text
    assert preview(path, text).books[0].title == "Café"


REAL = {
    "goodbooks_10k/books.csv.gz": "title authors isbn published average_rating reviews language",
    "machinehack_book_price/train_6237.csv.gz": "title authors price published average_rating format",
    "serbian_bookshop/books.csv.gz": "title authors price published pages publisher format dimensions",
    "waterstones/waterstones_records.jsonl.gz": "title authors price published isbn pages dimensions",
    "bx_books/bx_books_15780.csv.gz": "title authors isbn published publisher image_url",
    "gutenberg/pg_catalog_first_7702.csv.gz": "title authors published language subjects",
    "books_toscrape_table/books_1000.csv.gz": "title price currency rating category availability url",
}


@pytest.mark.parametrize("file", REAL)
def test_real_table_is_guessed_with_its_fields(shared_data: Path, file: str) -> None:
    assert tomllib.loads(guess(shared_data / file))["fields"].keys() >= {"source_id", *REAL[file].split()}
