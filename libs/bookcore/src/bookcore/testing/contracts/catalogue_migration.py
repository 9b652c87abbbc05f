"""Behaviour of a migration of every catalogue: a database of before is kept with its data."""

from collections.abc import Iterator

import pytest
from alembic import command

from bookcore.catalogue import Catalogue, history, open_catalogue, prepare_catalogue, queries, statistics
from bookcore.catalogue.engines import create_catalogue_engine, read_schema_name
from bookcore.catalogue.filters import BookFilter
from bookcore.catalogue.migrate import build_config
from bookcore.testing.contracts.catalogue import get, ingest, observe
from bookcore.testing.listings import make_listed_book

_COLUMNS = (
    "id, source, source_id, url, title, title_key, category, rating, price, currency, availability, quantity,"
    " identifiers, description, image_url, attributes, details, version, event_id, first_seen_at,"
    " last_seen_at, deleted"
)
_BOOKS = (
    "('shop:u1', 'shop', 'u1', 'https://shop.example/u1', 'The Lamp', 'the lamp', 'Poetry', 3, 517700, 'GBP',"
    " 'in_stock', 22, '{\"upc\": \"u1\"}', 'Lamplight.', NULL, '{\"reviews\": 0}',"
    ' \'{"authors": ["Ana"], "pages": 288}\', 7, \'e1\', 5, 7, FALSE)',
    "('shop:u2', 'shop', 'u2', 'table:shop/u2', 'Čiž', 'čiž', NULL, NULL, 12340, 'KWD',"
    " 'unknown', NULL, '{}', NULL, NULL, '{}', NULL, 8, 'e2', 8, 8, FALSE)",
    "('shop:u3', 'shop', 'u3', 'https://shop.example/u3', 'Gone', 'gone', NULL, NULL, 10000, 'GBP',"
    " 'delisted', 0, '{}', NULL, NULL, '{}', NULL, 9, 'e3', 4, 4, TRUE)",
)
CONTENT_HASH = "3617e97b1afa25e26ccabba1060b90be8bb1cc8dc57e30570aea170e61bed313"
"""Of these books and prices, computed by the code of before."""


def migrate_to(url: str, revision: str) -> None:
    """Makes a catalogue of that revision, as the code of then did, in an empty database."""
    engine = create_catalogue_engine(url)
    config = build_config()
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {read_schema_name(connection)}")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


class CatalogueMigrationContract:
    """A subclass provides `empty_url` of an empty database."""

    @pytest.fixture
    def empty_url(self) -> str:
        """Where the adapter under test finds an empty database."""
        raise NotImplementedError

    @pytest.fixture
    def migrated(self, empty_url: str) -> Iterator[Catalogue]:
        """A catalogue of revision 0004 with three books, brought to the newest."""
        migrate_to(empty_url, "0004")
        engine = create_catalogue_engine(empty_url)
        with engine.begin() as connection:
            for row in _BOOKS:
                connection.exec_driver_sql(f"INSERT INTO books ({_COLUMNS}) VALUES {row}")
            connection.exec_driver_sql(
                "INSERT INTO price_observations (book_id, version, event_id, amount, currency) VALUES"
                " ('shop:u1', 5, 'e0', 500000, 'GBP'), ('shop:u1', 7, 'e1', 517700, 'GBP'),"
                " ('shop:u2', 8, 'e2', 12340, 'KWD')"
            )
        engine.dispose()
        prepare_catalogue(empty_url)
        catalogue = open_catalogue(empty_url)
        yield catalogue
        catalogue.close()

    def test_a_catalogue_of_before_keeps_its_books_prices_and_hash(self, migrated: Catalogue) -> None:
        kept = list(migrated.iterate_books())
        assert [(str(each.book.price), each.deleted) for each in kept] == [
            ("51.77 GBP", False),
            ("1.234 KWD", False),
            ("1.00 GBP", True),
        ]
        assert {each.book.offers for each in kept} == {()}
        with migrated.begin_read() as connection:
            periods = history.get_price_history(connection, "shop:u1")
        assert [str(period.price) for period in periods] == ["50.00 GBP", "51.77 GBP"]
        assert migrated.compute_content_hash() == CONTENT_HASH

    def test_a_migrated_catalogue_takes_books_without_a_price(self, migrated: Catalogue) -> None:
        book = make_listed_book("u9", price=None)
        ingest(migrated, [observe(book, version=20)])
        assert get(migrated, book.id).book == book
        with migrated.begin_read() as connection:
            assert queries.count_books(connection, BookFilter()) == 3
            (unpriced,) = statistics.count_unpriced(connection, BookFilter())
        assert unpriced.books == 1
