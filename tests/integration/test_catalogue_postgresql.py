"""The catalogue's suite on PostgreSQL, and what only PostgreSQL can do wrong."""

from uuid import uuid4

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError

from bookcore.catalogue import bulk_postgresql, open_catalogue, prepare_catalogue
from bookcore.catalogue.fold import StoredBook
from bookcore.catalogue.schema import HEAD
from bookcore.catalogue.tables import manifest
from bookcore.domain.errors import Conflict, Invalid, Unavailable
from bookcore.events.topics import OBSERVED
from bookcore.testing.builders import make_book, make_versioned_book
from bookcore.testing.contracts.catalogue import CatalogueContract, get, ingest, observe
from bookcore.testing.contracts.catalogue_categories import CatalogueCategoriesContract
from bookcore.testing.contracts.catalogue_changes import CatalogueChangesContract
from bookcore.testing.contracts.catalogue_migration import CatalogueMigrationContract
from bookcore.testing.contracts.catalogue_offers import CatalogueOffersContract
from bookcore.testing.contracts.catalogue_runs import CatalogueRunsContract


@pytest.fixture
def empty(postgresql_url: str) -> str:
    """The URL of a schema that isn't there."""
    return f"{postgresql_url}?schema=t{uuid4().hex}"


@pytest.fixture
def prepared(empty: str) -> str:
    prepare_catalogue(empty)
    return empty


class TestPostgresqlCatalogue(
    CatalogueContract,
    CatalogueOffersContract,
    CatalogueRunsContract,
    CatalogueCategoriesContract,
    CatalogueChangesContract,
    CatalogueMigrationContract,
):
    @pytest.fixture
    def url(self, prepared: str) -> str:
        return prepared

    @pytest.fixture
    def empty_url(self, empty: str) -> str:
        return empty

    @pytest.fixture
    def other_url(self, postgresql_url: str) -> str:
        url = f"{postgresql_url}?schema=t{uuid4().hex}"
        prepare_catalogue(url)
        return url


def test_a_database_without_a_schema_is_rejected_with_the_remedy(empty: str) -> None:
    with pytest.raises(Conflict, match="ingestor migrate"):
        open_catalogue(empty)


def test_preparing_twice_changes_nothing(prepared: str) -> None:
    catalogue = open_catalogue(prepared)
    ingest(catalogue, [observe(make_book(), version=1)])
    assert prepare_catalogue(prepared).startswith("kept")
    assert get(catalogue, make_book().id).version == 1
    catalogue.close()


def migrate_further(prepared: str, *, oldest_reader: str) -> None:
    """As a later Bookstream does."""
    catalogue = open_catalogue(prepared)
    with catalogue.begin_write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("UPDATE schema_compatibility SET oldest_reader = :o"), {"o": oldest_reader})
        connection.execute(text("ALTER TABLE books ADD COLUMN later TEXT"))
    catalogue.close()


def test_a_schema_that_was_contracted_later_is_refused(prepared: str) -> None:
    migrate_further(prepared, oldest_reader="9999")
    for act in (open_catalogue, prepare_catalogue):
        with pytest.raises(Conflict, match="newer Bookstream"):
            act(prepared)


def test_a_schema_that_was_expanded_later_serves_this_program(prepared: str) -> None:
    migrate_further(prepared, oldest_reader=HEAD)
    catalogue = open_catalogue(prepared)
    ingest(catalogue, [observe(make_book(), version=1)])
    assert get(catalogue, make_book().id).version == 1
    catalogue.close()
    assert prepare_catalogue(prepared) == "kept schema 9999, which serves this program"


def test_a_schema_that_was_migrated_in_part_is_refused_with_the_remedy(prepared: str) -> None:
    catalogue = open_catalogue(prepared)
    with catalogue.begin_write() as connection:
        connection.execute(text("ALTER TABLE books DROP COLUMN details"))
    catalogue.close()
    with pytest.raises(Conflict, match=r"books\.details missing; restore the backup"):
        open_catalogue(prepared)


def test_batches_that_overlap_are_refused_by_the_database_itself(prepared: str) -> None:
    catalogue = open_catalogue(prepared)
    with catalogue.begin_write() as connection:
        connection.execute(insert(manifest).values(_batch(0, 10)))
    with (
        pytest.raises(IntegrityError, match="manifest_without_overlap"),
        catalogue.begin_write() as connection,
    ):
        connection.execute(insert(manifest).values(_batch(5, 15)))
    catalogue.close()


def test_a_book_that_comes_in_between_is_merged_not_lost_nor_doubled(prepared: str) -> None:
    """Another writer had it after this one looked: the newer of the two stays, and the rest goes in."""
    catalogue = open_catalogue(prepared)
    ingest(catalogue, [observe(make_book("a"), version=5), observe(make_book("b"), version=5)])
    with catalogue.begin_write() as connection:
        late = [_held("a", version=4), _held("b", version=6), _held("c", version=1)]
        bulk_postgresql.insert_books(connection, late)
    assert {name: get(catalogue, make_book(name).id).version for name in "abc"} == {"a": 5, "b": 6, "c": 1}
    catalogue.close()


def _held(name: str, *, version: int) -> StoredBook:
    return StoredBook(make_versioned_book(name, version=version), "e")


def _batch(first: int, following: int) -> dict[str, object]:
    return {
        "topic": OBSERVED.name,
        "partition": 0,
        "first": first,
        "next": following,
        "lake_key": "k",
    }


def test_wrong_credentials_are_told_without_the_password(postgresql_url: str) -> None:
    place = postgresql_url.rpartition("@")[2]
    with pytest.raises(Invalid, match=r"BOOKSTREAM_CATALOGUE_URL.*check user, password") as caught:
        open_catalogue(f"postgresql+psycopg2://bookstream:hidden@{place}")
    assert "hidden" not in str(caught.value)


def test_an_unreachable_server_is_an_error_with_its_address() -> None:
    with pytest.raises(Unavailable, match="BOOKSTREAM_CATALOGUE_URL"):
        open_catalogue("postgresql+psycopg2://u:p@127.0.0.1:9/db")


@pytest.mark.parametrize("url", ["postgresql://h/db", "mysql://h/db", "nothing", "postgresql+psycopg2:///db"])
def test_a_url_that_cannot_be_right_is_refused_by_its_setting(url: str) -> None:
    with pytest.raises(Invalid, match="BOOKSTREAM_CATALOGUE_URL"):
        open_catalogue(url)
