"""Sources that can be crawled: what their folders declare, with the page objects that they name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bookcore.domain.errors import Invalid
from booksources.readers import PAGE_READERS, READERS, LazyReader
from booksources.reading import SourceProfile
from booksources.sources.definition import Politeness, SourceDefinition
from booksources.sources.own_reader import get_reader
from booksources.sources.registry import SourceRegistry, scan_sources
from booksources.sources.schedule import Schedule
from scraper.sources.books_toscrape import page as books_toscrape
from scraper.sources.page_objects import BookPage, ListPage


@dataclass(frozen=True, slots=True)
class PageObjects:
    """How pages of one structure are read."""

    book: type[BookPage]
    listing: type[ListPage]


PAGE_OBJECTS: Mapping[str, PageObjects] = {
    "books_toscrape": PageObjects(books_toscrape.ToscrapeBookPage, books_toscrape.ToscrapeListPage),
}
"""By the name that a source.toml gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A site, how its pages are read, and its spider.

    `start_urls`: the first one is the site; others are further start pages and sitemaps. `hosts`: names
    by which the site links to itself; such links are followed on the copy being crawled. `index_file`:
    file name that stands for a folder, so that `/` and `/index.html` are one page. `paths`: prefixes of
    pages, empty for all of the site; `query`: keys of the query that tell pages apart, None for all.
    `reader`: None for a source with page objects; `reader_label` names either for people. `is_feed`: it
    reads feeds. `extractor`: version of the reading; a new one makes all pages be fetched in full.
    `headers`: of every request. `spider`: import path of a BookSpider.
    """

    name: str
    reader_label: str
    start_urls: tuple[str, ...]
    hosts: frozenset[str]
    index_file: str
    allows_private_addresses: bool
    required: tuple[str, ...]
    extractor: str
    page_objects: PageObjects | None = None
    reader: LazyReader | None = None
    is_feed: bool = False
    profile: SourceProfile = field(default_factory=SourceProfile)
    paths: tuple[str, ...] = ()
    query: frozenset[str] | None = None
    follows_links: bool = False
    schedule: Schedule | None = None
    politeness: Politeness = field(default_factory=Politeness)
    headers: Mapping[str, str] = field(default_factory=dict)
    spider: str = "scraper.crawl.spider.BookSpider"

    @property
    def start_url(self) -> str:
        """The first start page."""
        return self.start_urls[0]

    @property
    def book_page(self) -> type[BookPage]:
        """Page object of a book's page."""
        return self._require_objects().book

    @property
    def list_page(self) -> type[ListPage]:
        """Page object of a listing."""
        return self._require_objects().listing

    def _require_objects(self) -> PageObjects:
        if self.page_objects is None:
            raise Invalid(f"{self.name} has no page objects; its reader reads its pages")
        return self.page_objects


def load_sources(folders: Iterable[Path] = ()) -> Mapping[str, Source]:
    """All sources by name; a folder at fault is left out."""
    return build_sources(scan_sources(tuple(folders)))


def build_sources(registry: SourceRegistry) -> Mapping[str, Source]:
    """Sources of a scan, by name."""
    return {name: build_source(definition) for name, definition in registry.definitions.items()}


def build_source(definition: SourceDefinition) -> Source:
    """Raises: Invalid for page objects that the scraper doesn't have."""
    objects = PAGE_OBJECTS.get(definition.page_objects or "")
    if definition.page_objects and objects is None:
        known = ", ".join(sorted(PAGE_OBJECTS))
        raise Invalid(f"{definition.name}: page_objects must be one of {known}")
    return Source(
        name=definition.name,
        reader_label=definition.reader_label,
        start_urls=definition.start,
        hosts=frozenset(definition.hosts),
        index_file=definition.index_file,
        allows_private_addresses=definition.allows_private_addresses,
        required=definition.required,
        extractor=definition.version,
        page_objects=objects,
        reader=get_reader(definition),
        is_feed=definition.reader in READERS.keys() - PAGE_READERS,
        profile=definition.profile,
        paths=definition.paths,
        query=None if definition.query is None else frozenset(definition.query),
        follows_links=definition.follows_links,
        schedule=definition.schedule,
        politeness=definition.politeness,
        headers=definition.headers,
    )


SOURCES: Mapping[str, Source] = {
    name: source for name, source in load_sources().items() if source.page_objects
}
"""The built-in ones with page objects."""
