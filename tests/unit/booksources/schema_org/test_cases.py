"""Every saved page gives the items beside it: `cases/<case>/{input.html, expected.jsonl}`.

`url.txt` and `profile.json` beside them are the page's address and what its source declares.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import pytest

from booksources.reading import Document, Listing, SourceProfile
from booksources.schema_org.reader import read_page

_CASES = sorted(path.parent for path in Path(__file__).parent.glob("cases/*/input.html"))
_URL = "https://shop.example/books/x.html"


def read_case(case: Path) -> list[object]:
    """The items of a case as JSON, without what is empty."""
    address, declared = case / "url.txt", case / "profile.json"
    profile = json.loads(declared.read_text()) if declared.exists() else {}
    url = address.read_text().strip() if address.exists() else _URL
    document = Document(url, BytesIO((case / "input.html").read_bytes()), "text/html")
    return [
        {type(item).__name__: drop_empty(asdict(item))}
        for item in read_page(document, SourceProfile(**profile))
    ]


def drop_empty(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: drop_empty(part) for name, part in value.items() if part not in (None, "", (), {}, [])}
    if isinstance(value, bytes):
        return value.decode()
    return [drop_empty(part) for part in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
def test_saved_page_gives_its_items(case: Path) -> None:
    expected = [json.loads(line) for line in (case / "expected.jsonl").read_text().splitlines()]
    assert read_case(case) == expected


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
