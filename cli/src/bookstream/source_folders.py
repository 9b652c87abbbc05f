"""Makes the folder of a source from one of its pages: source.toml, a case and what it gives."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

from bookcore.domain.errors import BookstreamError, Conflict, Invalid
from bookcore.domain.listing import list_stated
from booksources.reading import Link, Listing, SourceProfile
from booksources.sources.definition import check_source_name, load_definition
from booksources.sources.registry import FILE, SourceRegistry, scan_sources
from bookstream.settings import Settings
from bookstream.source_trial import (
    FetchedDocument,
    TrialReading,
    choose_reader,
    fetch_document,
    read_document,
)

_MOST_TRIED = 5
_MOST_SITEMAPS = 3
_KEYS = ("sku", "isbn", "productID")


@dataclass(frozen=True, slots=True)
class NewSource:
    """A page that shows books, how it is read, and where the source's pages are listed."""

    page: FetchedDocument
    reading: TrialReading
    start: tuple[str, ...]

    @property
    def follows_links(self) -> bool:
        """Without a sitemap, books are found by the links of pages."""
        return len(self.start) == 1


def scan_source_folders(settings: Settings) -> SourceRegistry:
    """Built-in sources and those of the user's folder."""
    return scan_sources([settings.sources_folder])


def create_source(settings: Settings, name: str, url: str) -> None:
    """Make the source's folder from a page, and print what was found.

    Raises: Invalid when the name or the page is none, Conflict when the name is taken, Unavailable.
    """
    place = choose_folder(name, settings.sources_folder, scan_source_folders(settings))
    new = inspect_site(url, settings.data)
    path = write_source(new, place)
    print(f"{new.reading.reader} fits: {len(new.reading.listings)} book(s) at {new.page.url}")
    print("\n".join(new.reading.iterate_lines()))
    where = "their links" if new.follows_links else ", ".join(new.start[1:])
    print(f"pages are found by {where}")
    print(f"wrote {path}")
    print(f"next: bookstream source try {name}, then bookstream crawl {name}")


def inspect_site(url: str, data: Path) -> NewSource:
    """Fetch the page and, if it shows no book, a few that its sitemap or its links name.

    Raises: Invalid when no reader finds a book; Unavailable when the page can't be fetched.
    """
    first = fetch_document(url, data)
    reading = choose_reader(first, SourceProfile())
    sitemaps = _find_sitemaps(first, data)
    start = (first.url, *(sitemap.url for sitemap, _ in sitemaps))
    if reading.listings:
        return NewSource(first, reading, start)
    links = [*(link for _, found in sitemaps for link in found), *reading.links]
    for address in list(dict.fromkeys(link.url for link in links))[:_MOST_TRIED]:
        try:
            page = fetch_document(address, data)
        except BookstreamError:
            continue
        reading = choose_reader(page, SourceProfile())
        if reading.listings:
            return NewSource(page, reading, start)
    raise Invalid(
        f"no book is found at {url} or the first pages that it names; give the address of a book's page"
    )


def _find_sitemaps(first: FetchedDocument, data: Path) -> list[tuple[FetchedDocument, list[Link]]]:
    """Sitemaps that robots.txt names, else the usual place, with the pages that they and their first
    children list."""
    found = []
    for address in (first.sitemaps or (urljoin(first.url, "/sitemap.xml"),))[:_MOST_SITEMAPS]:
        try:
            document = fetch_document(address, data)
            reading = read_document(document, "sitemap", SourceProfile())
            links = list(reading.links)
            if links and links[0].role == "list":
                child = fetch_document(links[0].url, data)
                links = list(read_document(child, "sitemap", SourceProfile()).links)
        except BookstreamError:
            continue
        if links and reading.fault is None:
            found.append((document, links))
    return found


def choose_folder(name: str, folder: Path, registry: SourceRegistry) -> Path:
    """Where a new source of this name goes. Raises: Invalid for the name, Conflict when it is taken."""
    check_source_name(name)
    place = folder / name
    if name in registry.definitions or place.exists():
        raise Conflict(f"there is a source {name!r} already; choose another name, or remove {place}")
    return place


def write_source(new: NewSource, place: Path) -> Path:
    """The path of its source.toml."""
    case = place / "cases" / "first"
    case.mkdir(parents=True)
    (case / "input.html").write_bytes(new.page.body)
    (case / "url.txt").write_text(f"{new.page.url}\n")
    toml = place / FILE
    toml.write_text(_format_toml(new))
    definition = load_definition(toml)
    reading = read_document(new.page, new.reading.reader, definition.profile)
    (case / "expected.jsonl").write_text("".join(map(_format_listing, reading.listings)))
    return toml


def _format_toml(new: NewSource) -> str:
    """The keys that the page shows; people add others."""
    lines = [
        f"reader = {_quote(new.reading.reader)}",
        f"start = [{', '.join(map(_quote, new.start))}]",
        f"identified_by = [{', '.join(map(_quote, _choose_keys(new.reading.listings[0])))}]",
        'required = ["title"]' if not _has_price(new.reading) else 'required = ["title", "price"]',
    ]
    if new.follows_links:
        lines.append("follows_links = true")
    currencies = {
        offer.price[-3:] for each in new.reading.listings for offer in each.printed.offers if offer.price
    }
    if len(currencies) == 1:
        lines.append(f"currency = {_quote(currencies.pop())}")
    return "\n".join(lines) + "\n"


def _choose_keys(listing: Listing) -> Iterator[str]:
    identifiers: Mapping[str, str] = listing.printed.identifiers
    yield from (key for key in _KEYS if key in identifiers)
    yield "url"


def _has_price(reading: TrialReading) -> bool:
    return all(any(offer.price for offer in each.printed.offers) for each in reading.listings)


def _format_listing(listing: Listing) -> str:
    """What is stated as a line of JSON, so that a field that is added later changes no case."""
    return json.dumps(list_stated(listing), ensure_ascii=False, default=str) + "\n"


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
