"""A printed listing -> the catalogue's book.

Required are a source, an id, a title and an http(s) address. Every other value that can't be read costs its
field only and becomes a remark.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from json import dumps

from bookcore.domain.blocks import BLOCKS
from bookcore.domain.book import Book, Rating, make_book_id
from bookcore.domain.errors import Invalid
from bookcore.domain.listing_details import parse_average, parse_covers, parse_listing_details, parse_text
from bookcore.domain.normalise import Origin
from bookcore.domain.price_rule import Market, choose_availability, choose_offer
from bookcore.domain.printed_details import parse_isbn13
from bookcore.domain.printed_listing import PrintedListing, Remark
from bookcore.domain.printed_offers import parse_count, parse_currency, parse_offers, parse_territory
from bookcore.domain.rejection import InvalidField, Rejected, check_text
from bookcore.domain.remarks import RemarkCollector
from bookcore.domain.web_address import is_web_address

_NAME = re.compile(r"[a-z0-9_]{1,40}", re.ASCII)
_TABLE_ADDRESS = re.compile(r"table:[!-~]{1,200}", re.ASCII)
_MOST_NAMES = 100
_LONGEST = {"identifiers": 128, "attributes": 1_000}


@dataclass(frozen=True, slots=True)
class NormalisedListing:
    """A book, what could not be read of its listing, and the blocks that an update states (empty: all).

    The title of a book is empty where an update doesn't state it.
    """

    book: Book
    remarks: tuple[Remark, ...]
    blocks: tuple[str, ...] = ()


def normalise_listing(origin: Origin, printed: PrintedListing, at: datetime) -> NormalisedListing | Rejected:
    """Parses a printed listing. `at`: the moment of its version, at which the price is chosen."""
    remarks = RemarkCollector(printed.remarks)
    try:
        source_id, blocks = _check_source_id(origin), _check_blocks(printed.blocks)
        title = _check_title(printed.title) if not blocks or "descriptive" in blocks else ""
        url = _check_url(origin.url)
    except InvalidField as refusal:
        return refusal.rejected
    offers = parse_offers(printed.offers, remarks)
    chosen = choose_offer(offers, _parse_market(printed, remarks), at)
    covers = parse_covers(printed.covers, remarks)
    book = Book(
        source=origin.source,
        source_id=source_id,
        url=url,
        title=title,
        category=remarks.read("category", printed.category, parse_text("category")),
        rating=remarks.read("rating", printed.rating, _parse_rating),
        price=chosen.price if chosen else None,
        availability=choose_availability(offers, chosen),
        identifiers=_parse_identifiers(printed, remarks),
        description=remarks.read("description", printed.description, parse_text("description")),
        image_url=covers[0] if covers else None,
        attributes=_parse_attributes(printed, remarks),
        details=parse_listing_details(printed, covers, remarks),
        offers=offers,
    )
    return NormalisedListing(book, tuple(remarks.remarks), blocks)


def hash_listing(origin: Origin, printed: PrintedListing) -> str:
    """SHA-256 (hex) of all that is stated: equal exactly when the source states the same about the book.

    What is not stated does not count, so that a field added later changes no hash.
    """
    content = [origin.source, origin.source_id, origin.url, list_stated(printed)]
    return sha256(dumps(content, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()


def list_stated(value: object) -> object:
    """Plain dicts and lists of the dataclasses within a value, without fields that state nothing."""
    if is_dataclass(value):
        stated = {name: getattr(value, name) for name in value.__dataclass_fields__}
        return {name: list_stated(part) for name, part in stated.items() if part}
    if isinstance(value, Mapping):
        return {str(name): list_stated(part) for name, part in value.items()}
    return [list_stated(part) for part in value] if isinstance(value, tuple | list) else value


def _check_source_id(origin: Origin) -> str:
    source_id = origin.source_id or ""
    if not source_id:
        raise InvalidField("source_id", "is missing", origin.source_id)
    try:
        make_book_id(origin.source, source_id)
    except Invalid as error:
        shown = origin.source if error.field == "source" else source_id
        raise InvalidField(error.field or "source_id", error.reason, shown) from error
    return source_id


def _check_blocks(names: tuple[str, ...]) -> tuple[str, ...]:
    unknown = next((name for name in names if name not in BLOCKS), None)
    if unknown is not None:
        raise InvalidField("blocks", f"is none of {', '.join(BLOCKS)}", unknown)
    return tuple(name for name in BLOCKS if name in names)


def _check_title(text: str | None) -> str:
    title = check_text("title", (text or "").strip(), longest=1_000)
    if not title:
        raise InvalidField("title", "is missing", text)
    return title


def _check_url(url: str) -> str:
    if not is_web_address(url) and not _TABLE_ADDRESS.fullmatch(url):
        raise InvalidField("url", "is not an http(s) address", url)
    return url


def _parse_market(printed: PrintedListing, remarks: RemarkCollector) -> Market:
    return Market(
        remarks.read("territory", printed.territory, parse_territory),
        remarks.read("currency", printed.currency, parse_currency),
    )


def _parse_rating(text: str) -> Rating:
    if text not in ("1", "2", "3", "4", "5"):
        raise InvalidField("rating", "is not one to five stars", text)
    return Rating(int(text))


def _parse_identifiers(printed: PrintedListing, remarks: RemarkCollector) -> dict[str, str]:
    found = dict(_read_names("identifiers", printed.identifiers, remarks))
    if isbn := found.pop("isbn", None):
        known = remarks.read("identifiers.isbn", isbn, parse_isbn13)
        return {**found, "isbn13": known} if known else found
    return found


def _parse_attributes(printed: PrintedListing, remarks: RemarkCollector) -> dict[str, str | int]:
    found: dict[str, str | int] = dict(_read_names("attributes", printed.attributes, remarks))
    reviews = remarks.read("reviews", printed.reviews, parse_count)
    average = remarks.read("average_rating", printed.average_rating, parse_average)
    if reviews is not None:
        found["reviews"] = reviews
    if average is not None:
        found["average_rating"] = average
    return found


def _read_names(
    field: str, printed: Mapping[str, str], remarks: RemarkCollector
) -> Iterator[tuple[str, str]]:
    if len(printed) > _MOST_NAMES:
        remarks.add(field, f"{len(printed)} names", f"are more than {_MOST_NAMES}")
    for name, text in list(printed.items())[:_MOST_NAMES]:
        if not _NAME.fullmatch(name):
            remarks.add(field, name, "is not a name of 1-40 of a-z, 0-9, _")
        elif value := remarks.read(field, text.strip(), partial(_check_value, field)):
            yield name, value


def _check_value(field: str, text: str) -> str | None:
    return check_text(field, text, longest=_LONGEST[field])
