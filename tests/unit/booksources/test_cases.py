"""Every saved document gives the items beside it, and every reader has documents."""

from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from tests.unit.booksources.reader_cases import list_cases, read_case, read_expected

from bookcore.domain.errors import Invalid
from booksources.readers import READERS
from booksources.reading import Document, Listing, SourceProfile


@pytest.mark.parametrize("case", list_cases(), ids=lambda case: f"{case.parent.parent.name}-{case.name}")
def test_saved_document_gives_its_items(case: Path) -> None:
    assert read_case(case) == read_expected(case)


@pytest.mark.parametrize("name", sorted(READERS))
@pytest.mark.parametrize(
    "body",
    [b"", b"\x00" * 50, b"<html", b"\xff\xfe\xfd", b"{}", b"[]", b"<a href='http://[x'>", b'{"a": ' * 5_000],
)
def test_a_reader_makes_no_listing_of_other_bytes(name: str, body: bytes) -> None:
    document = Document("https://shop.example/x", BytesIO(body))
    with suppress(Invalid):  # any other error fails the test
        assert not [item for item in READERS[name](document, SourceProfile()) if isinstance(item, Listing)]


def test_every_room_of_a_reader_has_cases() -> None:
    rooms = {case.parent.parent.name for case in list_cases()}
    assert {"schema_org", "opds", "marc", "merchant", "json_paths"} <= rooms
