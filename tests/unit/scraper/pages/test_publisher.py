"""Publishing of parsed pages."""

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bookcore.domain.errors import Unavailable
from bookcore.event_log import open_event_log
from bookcore.lake.files import FileLake
from scraper.frontier import PageKind
from scraper.frontier.sqlite.frontier import SqliteFrontier
from scraper.pages.parser import ParsedPage
from scraper.pages.publisher import Publisher
from scraper.session.session import Stores


class _Malformed(FileLake):
    """A store that fails in a way nobody foresaw."""

    def put_many(self, objects: Mapping[str, bytes]) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    """Three books wait; the lake is broken."""
    log = open_event_log(f"sqlite://{tmp_path}/log.db")
    with closing(log), closing(SqliteFrontier(tmp_path / "shop.db")) as frontier:
        yield Stores(log, _Malformed(tmp_path / "lake"), frontier)


def test_unforeseen_store_error_fails_all_pending_pages(stores: Stores) -> None:
    run = stores.frontier.begin_run(
        site="http://a/", extractor="shop/1", now=datetime(2026, 5, 4, tzinfo=UTC)
    )
    stores.frontier.add_pages(PageKind.BOOK, ["http://a/1", "http://a/2", "http://a/3"], depth=1)
    publisher = Publisher(stores, run, source="shop", batch_size=2, patience=1)

    async def publish_all() -> list[BaseException | None]:
        items = [ParsedPage(page, b"body") for page in stores.frontier.lease_pages(9).pages]
        results = asyncio.gather(*(publisher.publish(item) for item in items), return_exceptions=True)
        return await asyncio.wait_for(results, 10)

    errors = asyncio.run(publish_all())
    assert [type(error) for error in errors] == [Unavailable] * 3
    assert "DatabaseError: database disk image is malformed" in str(errors[0])
