"""The whole kept site, crawled over loopback."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.scraper.conftest import Scraper

_DATA = os.environ.get("BOOKSTREAM_TEST_DATA")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    """Where the copy of the site begins."""
    with tarfile.open(Path(_DATA or "") / "books_toscrape_site" / "site_mirror_1181_pages.tar.gz") as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 or newer
        archive.extractall(tmp_path / "site")
    home = min((tmp_path / "site").rglob("index.html"), key=lambda path: len(path.parts))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=home.parent))
    Thread(target=server.serve_forever, args=(0.05,)).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.skipif(not _DATA, reason="BOOKSTREAM_TEST_DATA names no folder with the site")
def test_whole_site_has_1181_pages_and_1000_books_and_a_second_crawl_publishes_nothing(
    mirror: str, scraper: Scraper
) -> None:
    first, second = scraper.crawl(mirror), scraper.crawl(mirror)
    assert (first.code, first.summary["pages"], first.summary["published"]) == (0, 1_181, 1_000)
    assert (second.code, second.summary["pages"], second.summary["published"]) == (0, 1_181, 0)
    assert first.summary["failed"] == second.summary["failed"] == 0
    assert len({event.source_id for event in scraper.read_events()}) == 1_000
