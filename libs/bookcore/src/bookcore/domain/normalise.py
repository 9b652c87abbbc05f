"""Printed text -> Book, or Rejected with the field and the reason; nothing is guessed."""

import re
from dataclasses import dataclass, fields, replace
from decimal import Decimal, InvalidOperation
from hashlib import sha256

from bookcore.domain.book import Availability, AvailabilityStatus, Book, Money, Rating, book_id
from bookcore.domain.details import NO_DETAILS
from bookcore.domain.errors import Invalid
from bookcore.domain.printed_details import (
    PrintedDetails,
    average_rating,
    is_silent,
    isbn13,
    print_details,
    read_details,
)
from bookcore.domain.rejection import Refusal, Rejected, bounded, is_whole

__all__ = [
    "Origin",
    "PrintedBook",
    "PrintedDetails",
    "Rejected",
    "normalise",
    "print_book",
    "printed_hash",
]

_WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_SIGNS = {"£": "GBP", "€": "EUR", "$": "USD", "¥": "JPY"}
_AMOUNT = r"(?P<amount>-?\d{1,9}(?:\.\d{1,4})?)"
_PRICE = re.compile(rf"(?P<sign>[£€$¥])?\s*{_AMOUNT}\s*(?P<code>[A-Z]{{3}})?", re.ASCII)
_STOCK = re.compile(r"(?P<status>[A-Za-z_ -]+?)\s*(?:\((?P<quantity>\d{1,9})(?: available)?\))?", re.ASCII)
_STATUS = {status.value.replace("_", " "): status for status in AvailabilityStatus}
_LONGEST_STOCK = 100  # the pattern looks back, so its input is bounded
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
    """Where a printed book was seen."""

    source: str
    source_id: str | None
    url: str


def normalise(origin: Origin, printed: PrintedBook) -> Book | Rejected:
    """The book that the print stands for.

    Required: a source id, a title and a price. Everything else may be missing, but what is printed
    must be understood.
    """
    try:
        return _book(origin, printed)
    except Refusal as refusal:
        return refusal.rejected


def printed_hash(origin: Origin, printed: PrintedBook) -> str:
    """SHA-256 (hex) of everything printed: equal exactly when the page says the same of the book.

    Details that aren't printed don't count, so that hashes of before there were any are the same.
    """
    parts = [origin.source, origin.source_id or "", origin.url]
    parts += [f"{name}={getattr(printed, name)!r}" for name in _BASIC]
    if printed.details is not None:
        parts.append(repr(printed.details))
    return sha256("\n".join(parts).encode()).hexdigest()


def print_book(book: Book) -> PrintedBook:
    """The inverse of normalise, for a book that people typed in instead of a page printing it."""
    stock = book.availability.status.value.replace("_", " ")
    quantity = book.availability.quantity
    return PrintedBook(
        title=book.title,
        category=book.category,
        rating=None if book.rating is None else str(book.rating),
        price=str(book.price),
        availability=stock if quantity is None else f"{stock} ({quantity} available)",
        upc=book.identifiers.get("upc"),
        description=book.description,
        image_url=book.image_url,
        price_excl_tax=_printed_amount(book, "price_excl_tax"),
        tax=_printed_amount(book, "tax"),
        reviews=_printed_attribute(book, "reviews"),
        product_type=_printed_attribute(book, "product_type"),
        details=_printed_details(book),
    )


def _printed_details(book: Book) -> PrintedDetails | None:
    details = replace(
        print_details(book.details),
        isbn=book.identifiers.get("isbn13"),
        average_rating=_printed_attribute(book, "average_rating"),
    )
    return None if is_silent(details, book.details) else details


def _printed_attribute(book: Book, name: str) -> str | None:
    value = book.attributes.get(name)
    return None if value is None else str(value)


def _printed_amount(book: Book, name: str) -> str | None:
    value = _printed_attribute(book, name)
    return None if value is None else f"{value} {book.price.currency}"


def _book(origin: Origin, printed: PrintedBook) -> Book:
    price = _money("price", _required("price", printed.price))
    return Book(
        source=origin.source,
        source_id=_source_id(origin),
        url=_bounded("url", origin.url) or "",
        title=_required("title", _bounded("title", printed.title)),
        category=_bounded("category", printed.category),
        rating=_rating(printed.rating),
        price=price,
        availability=_availability(printed.availability),
        identifiers=_identifiers(printed),
        description=_bounded("description", printed.description),
        image_url=_bounded("image_url", printed.image_url),
        attributes=_attributes(printed, price.currency),
        details=NO_DETAILS if printed.details is None else read_details(printed.details),
    )


def _identifiers(printed: PrintedBook) -> dict[str, str]:
    found = {"upc": printed.upc} if printed.upc else {}
    if printed.details is not None and printed.details.isbn:
        found["isbn13"] = isbn13(printed.details.isbn)
    return found


def _required(field: str, text: str | None) -> str:
    if not text:
        raise Refusal(field, "is missing", text)
    return text


def _bounded(field: str, text: str | None) -> str | None:
    return bounded(field, text, longest=_TOO_LONG[field])


def _source_id(origin: Origin) -> str:
    source_id = _required("source_id", origin.source_id)
    try:
        book_id(origin.source, source_id)
    except Invalid as error:
        raise Refusal(error.field or "source_id", error.reason, source_id) from error
    return source_id


def _money(field: str, text: str) -> Money:
    match = _PRICE.fullmatch(text.strip())
    currency = match and (match["code"] or _SIGNS.get(match["sign"] or ""))
    if not match or not currency:
        raise Refusal(field, "is not an amount with a currency", text)
    try:
        amount = Decimal(match["amount"])
    except InvalidOperation as error:  # pragma: no cover - the pattern admits only numbers
        raise Refusal(field, "is not a number", text) from error
    if amount < 0:
        raise Refusal(field, "is negative", text)
    money = Money(amount, currency)
    if Decimal(money.plain) != amount:
        raise Refusal(field, f"has more decimals than {currency} has", text)
    return money


def _rating(text: str | None) -> Rating | None:
    if not text:
        return None
    stars = _WORDS.get(text.strip().lower()) or (int(text) if is_whole(text) else 0)
    if not 1 <= stars <= 5:
        raise Refusal("rating", "is not one to five stars", text)
    return Rating(stars)


def _availability(text: str | None) -> Availability:
    if not text:
        return Availability(AvailabilityStatus.UNKNOWN)
    text = " ".join(text.split())
    if len(text) > _LONGEST_STOCK:
        raise Refusal("availability", f"is longer than {_LONGEST_STOCK} characters", text)
    match = _STOCK.fullmatch(text)
    status = match and _STATUS.get(match["status"].strip().lower().replace("_", " "))
    if not match or not status:
        raise Refusal("availability", "is not a known state", text)
    return Availability(status, int(match["quantity"]) if match["quantity"] else None)


def _attributes(printed: PrintedBook, currency: str) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for name, text in (("price_excl_tax", printed.price_excl_tax), ("tax", printed.tax)):
        if text:
            money = _money(name, text)
            if money.currency != currency:
                raise Refusal(name, f"is not in {currency} like the price", text)
            found[name] = money.plain
    if printed.reviews:
        if not is_whole(printed.reviews):
            raise Refusal("reviews", "is not a whole number", printed.reviews)
        found["reviews"] = int(printed.reviews)
    if printed.product_type:
        found["product_type"] = printed.product_type
    if printed.details is not None and printed.details.average_rating:
        found["average_rating"] = average_rating(printed.details.average_rating)
    return found
