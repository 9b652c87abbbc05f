"""docs/sources.md: the built-in sources, from their source.toml and the pages saved of them."""

import json
from collections.abc import Iterator
from dataclasses import fields
from io import BytesIO
from pathlib import Path

from bookcore.domain.printed_listing import PrintedListing
from booksources.readers import READERS
from booksources.reading import Document, Listing
from booksources.sources.definition import SourceDefinition
from booksources.sources.registry import get_builtin_folder, scan_sources

ROOT = Path(__file__).parents[1]
_OMITTED = ("territory", "currency", "blocks", "remarks")
_FIELDS = tuple(each.name for each in fields(PrintedListing) if each.name not in _OMITTED)
_PRINTED_BOOK = {
    "price": "offers",
    "availability": "offers",
    "upc": "identifiers",
    "image_url": "covers",
    "price_excl_tax": "attributes",
    "tax": "attributes",
    "product_type": "attributes",
}
"""Fields of version 1 of the event, by the names of version 2."""

_INTRODUCTION = """# Sources

The built-in sources, made from their `source.toml` and their saved pages by `make docs`;
`bookstream source list` shows your own as well, and [add a source](how-to/add-a-source.md) makes one.
"has" are the fields of a listing that at least one saved page states.

| source | kind | transport | begins at | has | lacks |
|---|---|---|---|---|---|
"""


def build_source_page() -> str:
    """One row for each source."""
    definitions = scan_sources().definitions
    return _INTRODUCTION + "".join(_format_row(definitions[name]) for name in sorted(definitions))


def _format_row(source: SourceDefinition) -> str:
    stated = {*(_list_read(source) if source.reader else _list_printed(source.name))}
    has = ", ".join(name for name in _FIELDS if name in stated)
    lacks = ", ".join(name for name in _FIELDS if name not in stated)
    kind = f"reader `{source.reader}`" if source.reader else f"page objects `{source.page_objects}`"
    starts = "<br>".join(f"`{url}`" for url in source.start)
    return f"| `{source.name}`: {source.title} | {kind} | crawl | {starts} | {has} | {lacks} |\n"


def _list_read(source: SourceDefinition) -> Iterator[str]:
    for case in sorted((get_builtin_folder() / source.name / "cases").glob("*/input.html")):
        url = (case.parent / "url.txt").read_text().strip()
        reader = READERS[source.reader or ""]
        for item in reader(Document(url, BytesIO(case.read_bytes())), source.profile):
            if isinstance(item, Listing):
                yield from (name for name in _FIELDS if getattr(item.printed, name))


def _list_printed(name: str) -> Iterator[str]:
    for output in sorted((ROOT / "tests/pages" / name).glob("*/output.json")):
        item = json.loads(output.read_text())["item"]
        yield from (_PRINTED_BOOK.get(field, field) for field, value in item.items() if value)
