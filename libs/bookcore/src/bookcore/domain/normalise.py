"""Printed text -> Book, or Rejected with field and reason; nothing is guessed."""

import re
from dataclasses import dataclass, fields, replace
from decimal import Decimal, InvalidOperation
from hashlib import sha256

from bookcore.domain.availability import Availability, AvailabilityStatus
from bookcore.domain.book import Book, Rating, make_book_id
from bookcore.domain.details import NO_DETAILS
from bookcore.domain.errors import Invalid
from bookcore.domain.money import Money
from bookcore.domain.printed_details import (
    PrintedDetails,
    has_no_details,
    parse_average_rating,
    parse_details,
    parse_isbn13,
    print_details,
)
from bookcore.domain.rejection import InvalidField, Rejected, check_text, is_whole_number
from bookcore.domain.web_address import has_other_scheme

__all__ = [
    "Origin",
    "PrintedBook",
    "PrintedDetails",
    "Rejected",
    "hash_printed",
    "normalise",
    "print_book",
]

_WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_SIGNS = {"£": "GBP", "€": "EUR", "$": "USD", "¥": "JPY"}
_AMOUNT = r"(?P<amount>-?\d{1,9}(?:\.\d{1,4})?)"
_PRICE = re.compile(rf"(?P<sign>[£€$¥])?\s*{_AMOUNT}\s*(?P<code>[A-Z]{{3}})?", re.ASCII)
_STOCK = re.compile(r"(?P<status>[A-Za-z_ -]+?)\s*(?:\((?P<quantity>\d{1,9})(?: available)?\))?", re.ASCII)
_STATUS = {status.value.replace("_", " "): status for status in AvailabilityStatus}
_LONGEST_STOCK = 100  # the pattern backtracks, so its input is bounded
_TOO_LONG = {"title": 1_000, "description": 100_000, "url": 2_000, "image_url": 2_000, "category": 200}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedBook:
    """A book exactly as a page prints it: stripped text, None where the page has no such place."""

    title: str | None = None
    category: str | None = None
    rating: str | None = None
    price: str | None = None
    availability: str | None = None
    upc: str | None = None
    description: str | None = None
    image_url: str | None = None
    price_excl_tax: str | None = None
    tax: str | None = None
    reviews: str | None = None
    product_type: str | None = None
    details: PrintedDetails | None = None


_BASIC = tuple(f.name for f in fields(PrintedBook) if f.name != "details")


@dataclass(frozen=True, slots=True)
class Origin:
    """Source, id and URL of a printed book."""

    source: str
    source_id: str | None
    url: str


def normalise(origin: Origin, printed: PrintedBook) -> Book | Rejected:
    """Parses a printed book.

    Required: a source id, a title and a price. Other fields may be missing, but a printed value must parse.
    """
    try:
        return _build_book(origin, printed)
    except InvalidField as refusal:
        return refusal.rejected


def hash_printed(origin: Origin, printed: PrintedBook) -> str:
    """SHA-256 (hex) of every printed field: equal exactly when the page states the same about the book.

    Absent details do not count, so that hashes from before their introduction are the same.
    """
    parts = [origin.source, origin.source_id or "", origin.url]
    parts += [f"{name}={getattr(printed, name)!r}" for name in _BASIC]
    if printed.details is not None:
        parts.append(repr(printed.details))
    return sha256("\n".join(parts).encode()).hexdigest()


def print_book(book: Book) -> PrintedBook:
    """Inverse of normalise, for a book that an administrator entered: one with a price and without offers."""
    stock = book.availability.status.value.replace("_", " ")
    quantity = book.availability.quantity
    return PrintedBook(
        title=book.title,
        category=book.category,
        rating=None if book.rating is None else str(book.rating),
        price=None if book.price is None else str(book.price),
        availability=stock if quantity is None else f"{stock} ({quantity} available)",
        upc=book.identifiers.get("upc"),
        description=book.description,
        image_url=book.image_url,
        price_excl_tax=_print_amount(book, "price_excl_tax"),
        tax=_print_amount(book, "tax"),
        reviews=_print_attribute(book, "reviews"),
        product_type=_print_attribute(book, "product_type"),
        details=_print_details(book),
    )


def _print_details(book: Book) -> PrintedDetails | None:
    details = replace(
        print_details(book.details),
        isbn=book.identifiers.get("isbn13"),
        average_rating=_print_attribute(book, "average_rating"),
    )
    return None if has_no_details(details, book.details) else details


def _print_attribute(book: Book, name: str) -> str | None:
    value = book.attributes.get(name)
    return None if value is None else str(value)


def _print_amount(book: Book, name: str) -> str | None:
    value = _print_attribute(book, name)
    return None if value is None or book.price is None else f"{value} {book.price.currency}"


def _build_book(origin: Origin, printed: PrintedBook) -> Book:
    price = _parse_money("price", _require("price", printed.price))
    return Book(
        source=origin.source,
        source_id=_parse_source_id(origin),
        url=_check_address("url", origin.url) or "",
        title=_require("title", _check_length("title", printed.title)),
        category=_check_length("category", printed.category),
        rating=_parse_rating(printed.rating),
        price=price,
        availability=_parse_availability(printed.availability),
        identifiers=_parse_identifiers(printed),
        description=_check_length("description", printed.description),
        image_url=_check_address("image_url", printed.image_url),
        attributes=_parse_attributes(printed, price.currency),
        details=NO_DETAILS if printed.details is None else parse_details(printed.details),
    )


def _parse_identifiers(printed: PrintedBook) -> dict[str, str]:
    found = {"upc": printed.upc} if printed.upc else {}
    if printed.details is not None and printed.details.isbn:
        found["isbn13"] = parse_isbn13(printed.details.isbn)
    return found


def _require(field: str, text: str | None) -> str:
    if not text:
        raise InvalidField(field, "is missing", text)
    return text


def _check_length(field: str, text: str | None) -> str | None:
    return check_text(field, text, longest=_TOO_LONG[field])


def _check_address(field: str, text: str | None) -> str | None:
    """What a browser takes as another scheme, such as `javascript:`, is refused; a table names its rows."""
    if text and has_other_scheme(text) and not (field == "url" and text.startswith("table:")):
        raise InvalidField(field, "is not an http(s) address", text)
    return _check_length(field, text)


def _parse_source_id(origin: Origin) -> str:
    source_id = _require("source_id", origin.source_id)
    try:
        make_book_id(origin.source, source_id)
    except Invalid as error:
        raise InvalidField(error.field or "source_id", error.reason, source_id) from error
    return source_id


def _parse_money(field: str, text: str) -> Money:
    match = _PRICE.fullmatch(text.strip())
    currency = match and (match["code"] or _SIGNS.get(match["sign"] or ""))
    if not match or not currency:
        raise InvalidField(field, "is not an amount with a currency", text)
    try:
        amount = Decimal(match["amount"])
    except InvalidOperation as error:  # pragma: no cover - the pattern allows numbers only
        raise InvalidField(field, "is not a number", text) from error
    if amount < 0:
        raise InvalidField(field, "is negative", text)
    money = Money(amount, currency)
    if not money.has_minor_units:
        raise InvalidField(field, f"has more decimals than {currency} has", text)
    return money


def _parse_rating(text: str | None) -> Rating | None:
    if not text:
        return None
    stars = _WORDS.get(text.strip().lower()) or (int(text) if is_whole_number(text) else 0)
    if not 1 <= stars <= 5:
        raise InvalidField("rating", "is not one to five stars", text)
    return Rating(stars)


def _parse_availability(text: str | None) -> Availability:
    if not text:
        return Availability(AvailabilityStatus.UNKNOWN)
    text = " ".join(text.split())
    if len(text) > _LONGEST_STOCK:
        raise InvalidField("availability", f"is longer than {_LONGEST_STOCK} characters", text)
    match = _STOCK.fullmatch(text)
    status = match and _STATUS.get(match["status"].strip().lower().replace("_", " "))
    if not match or not status:
        raise InvalidField("availability", "is not a known state", text)
    return Availability(status, int(match["quantity"]) if match["quantity"] else None)


def _parse_attributes(printed: PrintedBook, currency: str) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for name, text in (("price_excl_tax", printed.price_excl_tax), ("tax", printed.tax)):
        if text:
            money = _parse_money(name, text)
            if money.currency != currency:
                raise InvalidField(name, f"is not in {currency} like the price", text)
            found[name] = money.plain
    if printed.reviews:
        if not is_whole_number(printed.reviews):
            raise InvalidField("reviews", "is not a whole number", printed.reviews)
        found["reviews"] = int(printed.reviews)
    if printed.product_type:
        found["product_type"] = printed.product_type
    if printed.details is not None and printed.details.average_rating:
        found["average_rating"] = parse_average_rating(printed.details.average_rating)
    return found
