"""A source may have a reader of its own: page.py in its folder."""

from io import BytesIO
from pathlib import Path

import pytest

from bookcore.domain.errors import Invalid
from booksources.reading import Document, Listing
from booksources.sources.definition import load_definition
from booksources.sources.own_reader import get_reader

OWN = """
from booksources.reading import Listing
from bookcore.domain.printed_listing import PrintedListing

def read(document, profile):
    for line in document.body:
        number, _, title = line.decode().strip().partition(" ")
        yield Listing(number, document.url, PrintedListing(title=title, currency=profile.currency))
"""
TOML = 'reader = "page.py"\nstart = ["https://shop.example/"]\ncurrency = "EUR"\n'


def read_own(folder: Path, code: str | None, body: bytes = b"7 The Lamp\n") -> list[object]:
    place = folder / "lamps"
    place.mkdir()
    (place / "source.toml").write_text(TOML)
    if code is not None:
        (place / "page.py").write_text(code)
    definition = load_definition(place / "source.toml")
    reader = get_reader(definition)
    assert reader is not None
    return [*reader(Document("https://shop.example/7", BytesIO(body)), definition.profile)]


def test_page_py_reads_the_pages_of_its_source(tmp_path: Path) -> None:
    (item,) = read_own(tmp_path, OWN)
    assert isinstance(item, Listing)
    assert (item.source_id, item.printed.title, item.printed.currency) == ("7", "The Lamp", "EUR")


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        (None, "the reader is page.py, which its folder doesn't have"),
        ("def read(:", "page.py line 1: "),
        ("import no_such_module_1", "page.py line 1: ModuleNotFoundError"),
        ("x = 1", "has no function read"),
        ("def read(document, profile):\n    yield {}", "gives a dict, not a Listing"),
        ("def read(document, profile):\n    yield document.nothing", "page.py line 2: AttributeError"),
    ],
)
def test_fault_of_page_py_is_one_line_with_its_place(
    tmp_path: Path, code: str | None, complaint: str
) -> None:
    with pytest.raises(Invalid) as refused:
        read_own(tmp_path, code)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)
