"""Field-by-field comparison of two states of a book."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from json import dumps

from bookcore.domain.book import Book
from bookcore.domain.details import PlainDetails
from bookcore.domain.offer import PlainOffer

Plain = (
    str
    | int
    | None
    | Mapping[str, str]
    | Mapping[str, str | int]
    | Mapping[str, str | int | None]
    | PlainDetails
    | list[PlainOffer]
)
"""A field's value as it goes over the wire."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field with its wire value before and after; None means absent."""

    field: str
    before: Plain
    after: Plain


def to_plain_fields(book: Book) -> dict[str, Plain]:
    """The content of a book by field, as plain JSON values; times and versions are not content.

    `offers` is left out where there are none, so that such a book has the content that it always had.
    """
    price = {"amount": book.price.plain, "currency": book.price.currency} if book.price else None
    offers: dict[str, Plain] = {"offers": [offer.plain for offer in book.offers]} if book.offers else {}
    return {
        "url": book.url,
        "title": book.title,
        "category": book.category,
        "rating": book.rating,
        "price": price,
        "availability": {"status": book.availability.status.value, "quantity": book.availability.quantity},
        "identifiers": dict(book.identifiers),
        "description": book.description,
        "image_url": book.image_url,
        "attributes": dict(book.attributes),
        "details": book.details.plain,
        **offers,
    }


def compare_fields(old: Mapping[str, Plain], new: Mapping[str, Plain]) -> list[tuple[str, Plain, Plain]]:
    """(field, before, after) of each difference, in a fixed order; a book that does not exist has no
    fields.
    """
    if not old:
        return [(name, None, value) for name, value in new.items() if value is not None]
    names = dict.fromkeys((*old, *new))
    return [(name, was, now) for name in names if (was := old.get(name)) != (now := new.get(name))]


def hash_content(book: Book) -> str:
    """SHA-256 (hex) over the book's key and content: equal exactly when nothing changed."""
    content = {"id": book.id, **to_plain_fields(book)}
    return sha256(dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
