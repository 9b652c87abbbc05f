"""Fetches a page as the crawl would and reads it, for people who add a source; nothing is stored."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path

from bookcore.domain.errors import Invalid, Unavailable
from booksources.readers import READERS
from booksources.reading import Document, Link, Listing, Parked, Reader, ReadItem, SourceProfile
from bookstream.programs import run_program

_MOST_ITEMS = 60_000
_MOST_SHOWN = 3
_LONGEST = 100  # characters of a value


@dataclass(frozen=True, slots=True)
class FetchedDocument:
    """A page or feed. `sitemaps`: those that the site's robots.txt names."""

    url: str
    content_type: str
    body: bytes
    sitemaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialReading:
    """What a reader makes of a document."""

    reader: str
    listings: Sequence[Listing] = ()
    links: Sequence[Link] = ()
    refused: Sequence[Parked] = ()
    fault: str | None = None

    def iterate_lines(self) -> Iterator[str]:
        """For people: fields, remarks, links and what is refused."""
        for listing in self.listings[:_MOST_SHOWN]:
            yield f"book {listing.source_id}  {listing.url}"
            yield from (f"  {name:<16}{value}" for name, value in _list_fields(listing.printed))
            for remark in listing.printed.remarks:
                yield f"  remark: {remark.field} {remark.printed!r} {remark.reason}"
        if len(self.listings) > _MOST_SHOWN:
            yield f"and {len(self.listings) - _MOST_SHOWN} more books"
        for role in ("next", "list", "book"):
            urls = [link.url for link in self.links if link.role == role]
            if urls:
                more = f" and {len(urls) - 1} more" if len(urls) > 1 else ""
                yield f"links ({role}): {urls[0]}{more}"
        for parked in self.refused:
            yield f"refused: {parked.place} {parked.reason}"
        if self.fault:
            yield f"refused: the document {self.fault}"


def fetch_document(url: str, data: Path, *, source: str | None = None) -> FetchedDocument:
    """`source`: the one whose headers are sent.

    Raises: Unavailable with the reason when the page can't be had, or is not to be fetched.
    """
    lines: list[str] = []
    environment = {"BOOKSTREAM_DATA": str(data.absolute())}
    exited = run_program(
        ["scraper.fetch.single", url, *([source] if source else [])], environment, on_line=lines.append
    )
    if exited.code or not lines:
        raise Unavailable(exited.last_error)
    page = json.loads(lines[-1])
    if page["status"] != 200:
        raise Unavailable(f"{page['url']} responds with {page['status']}")
    return FetchedDocument(
        page["url"], page["content_type"], base64.b64decode(page["body"]), tuple(page["sitemaps"])
    )


def read_document(
    document: FetchedDocument, name: str, profile: SourceProfile, reader: Reader | None = None
) -> TrialReading:
    """What the reader makes of it, by default the one of that name; a document of another format is a
    fault.
    """
    source = Document(document.url, BytesIO(document.body), document.content_type)
    items: list[ReadItem] = []
    fault = None
    try:
        items.extend(islice((reader or READERS[name])(source, profile), _MOST_ITEMS))
    except Invalid as error:
        fault = error.reason
    return TrialReading(
        name,
        [item for item in items if isinstance(item, Listing)],
        [item for item in items if isinstance(item, Link)],
        [item for item in items if isinstance(item, Parked)],
        fault,
    )


def choose_reader(document: FetchedDocument, profile: SourceProfile) -> TrialReading:
    """The reading with the most books, else the one with the most links."""
    readings = [read_document(document, name, profile) for name in READERS]
    return max(readings, key=lambda each: (len(each.listings), each.fault is None, len(each.links)))


def _list_fields(value: object) -> Iterator[tuple[str, str]]:
    """Stated fields with their values, cut to what fits a line."""
    assert is_dataclass(value)
    for each in fields(value):
        stated = getattr(value, each.name)
        if stated and each.name != "remarks":
            yield each.name, _format_value(stated)


def _format_value(value: object) -> str:
    if isinstance(value, Mapping):
        text = ", ".join(f"{name} {part}" for name, part in value.items())
    elif isinstance(value, tuple):
        text = "; ".join(map(_format_value, value))
    elif is_dataclass(value):
        text = " ".join(part for _, part in _list_fields(value))
    else:
        text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}\u2026"
