"""Pages that a reader must not be confused by; saved pages are in `cases`."""

from io import BytesIO
from pathlib import Path

import pytest

from booksources.reading import Document, Listing, SourceProfile
from booksources.schema_org.reader import read_page

_URL = "https://shop.example/books/x.html"


@pytest.mark.parametrize(
    "html", [b"", b"\x00" * 50, b"<html", b"\xff\xfe\xfd", b"{}", b"<a href='http://[x'>"]
)
def test_reader_takes_any_bytes(html: bytes) -> None:
    items = list(read_page(Document(_URL, BytesIO(html), "text/html"), SourceProfile()))
    assert not [item for item in items if isinstance(item, Listing)]


def test_truncated_page_gives_no_listing() -> None:
    html = (Path(__file__).parent / "cases" / "book_with_offer" / "input.html").read_bytes()
    document = Document(_URL, BytesIO(html), "text/html", is_whole=False)
    assert not [item for item in read_page(document, SourceProfile()) if isinstance(item, Listing)]
