"""The readers by the name that a source gives in its source.toml."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from importlib import import_module
from typing import cast

from booksources.reading import Document, Reader, ReadItem, SourceProfile


class LazyReader:
    """Imports its format when the first document is read: a crawl uses one of them, and all together cost a
    start 0.4 s."""

    def __init__(self, load: Callable[[], Reader]) -> None:
        self._load = load

    def load(self) -> None:
        """Import it now. Raises: Invalid for a source's own reader that can't be run."""
        _ = self.reader

    @cached_property
    def reader(self) -> Reader:
        """The format's own."""
        return self._load()

    def __call__(self, document: Document, profile: SourceProfile) -> Iterator[ReadItem]:
        return self.reader(document, profile)


def _load_reader(room: str, function: str = "read") -> Reader:
    return cast(Reader, getattr(import_module(f"booksources.{room}.reader"), function))


def _load_json_reader(name: str) -> Reader:
    mapping = import_module("booksources.json_paths.mapping").load_json_mapping(name)
    read = import_module("booksources.json_paths.reader").read
    return cast(Reader, partial(read, mapping=mapping))


PAGE_READERS = frozenset({"schema_org", "sitemap"})
"""Readers of web pages and of lists of them; all others read feeds."""
_JSON = ("google_books", "open_library", "shopify", "woocommerce")

READERS: Mapping[str, LazyReader] = {
    "schema_org": LazyReader(lambda: _load_reader("schema_org", "read_page")),
    "sitemap": LazyReader(lambda: _load_reader("sitemap", "read_sitemap")),
    **{name: LazyReader(partial(_load_reader, name)) for name in ("onix", "opds", "marc", "merchant")},
    **{name: LazyReader(partial(_load_json_reader, name)) for name in _JSON},
}
