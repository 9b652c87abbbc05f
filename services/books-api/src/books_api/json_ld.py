"""A book of the catalogue as schema.org's Book with its Offer, in JSON-LD; pure.

Only what the vocabulary has a property for, and only the price that anybody pays: other offers of the source
(for libraries, say) would be read as prices for everybody.
"""

from collections.abc import Iterator

from bookcore.domain.book import AvailabilityStatus, Book
from bookcore.domain.details import Contributor, Details

MEDIA_TYPE = "application/ld+json"
_CONTEXT = "https://schema.org"
_AVAILABILITY = {
    AvailabilityStatus.IN_STOCK: "InStock",
    AvailabilityStatus.OUT_OF_STOCK: "OutOfStock",
    AvailabilityStatus.PREORDER: "PreOrder",
    AvailabilityStatus.DELISTED: "Discontinued",
}
_FORMATS = {
    "hardcover": "Hardcover",
    "hardback": "Hardcover",
    "paperback": "Paperback",
    "ebook": "EBook",
    "audiobook": "AudiobookFormat",
}
_ROLES = ("author", "editor", "illustrator", "translator")

JsonObject = dict[str, object]


def build_json_ld(book: Book) -> JsonObject:
    """Properties without a value are left out."""
    details = book.details
    return _drop_empty(
        {
            "@context": _CONTEXT,
            "@type": "Book",
            "identifier": book.id,
            "name": book.title,
            "alternativeHeadline": details.subtitle,
            "url": book.url,
            "isbn": book.identifiers.get("isbn13"),
            "description": book.description,
            "image": list(details.covers) or book.image_url,
            "genre": book.category,
            **dict(_list_people(details)),
            **_build_edition(details),
            "offers": _build_offer(book),
        }
    )


def _build_edition(details: Details) -> JsonObject:
    series: list[JsonObject] = [{"@type": "BookSeries", "name": each.name} for each in details.series]
    return {
        "publisher": {"@type": "Organization", "name": details.publisher} if details.publisher else None,
        "datePublished": details.published or (f"{details.year:04d}" if details.year else None),
        "inLanguage": list(details.languages) or details.language,
        "numberOfPages": details.pages,
        "bookFormat": _build_format(details.format),
        "bookEdition": details.edition,
        "isPartOf": series,
        "position": details.series[0].number if len(details.series) == 1 else None,
    }


def _list_people(details: Details) -> Iterator[tuple[str, list[JsonObject]]]:
    people = details.contributors or tuple(Contributor(name) for name in details.authors)
    for role in (*_ROLES, "contributor"):
        named = [
            person.name
            for person in people
            if (person.role if person.role in _ROLES else "contributor") == role
        ]
        yield role, [{"@type": "Person", "name": name} for name in named]


def _build_format(printed: str | None) -> str | None:
    known = _FORMATS.get((printed or "").casefold().replace("-", "").strip())
    return f"{_CONTEXT}/{known}" if known else None


def _build_offer(book: Book) -> JsonObject:
    """Empty for a book of which neither price nor availability is known."""
    state, count = _AVAILABILITY.get(book.availability.status), book.availability.quantity
    if book.price is None and state is None:
        return {}
    return {
        "@type": "Offer",
        "url": book.url,
        "price": book.price.plain if book.price else None,
        "priceCurrency": book.price.currency if book.price else None,
        "availability": f"{_CONTEXT}/{state}" if state else None,
        "inventoryLevel": None if count is None else {"@type": "QuantitativeValue", "value": count},
    }


def _drop_empty(properties: JsonObject) -> JsonObject:
    return {
        name: _drop_empty(value) if isinstance(value, dict) else value
        for name, value in properties.items()
        if value not in (None, "", [], {})
    }
