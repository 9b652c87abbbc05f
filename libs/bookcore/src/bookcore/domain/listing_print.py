"""Books -> printed listings: for a written book that version 1 of the event can't hold."""

from dataclasses import replace

from bookcore.domain.book import Book
from bookcore.domain.details import NO_DETAILS, Details
from bookcore.domain.offer import Offer
from bookcore.domain.printed_details import print_details
from bookcore.domain.printed_listing import (
    PrintedContributor,
    PrintedListing,
    PrintedOffer,
    PrintedSeries,
    PrintedSubject,
)

_ATTRIBUTES = ("reviews", "average_rating")


def needs_listing(book: Book) -> bool:
    """Whether the book has what a PrintedBook can't hold: no price, offers, or facts beyond version 1."""
    return book.price is None or bool(book.offers) or book.details != _cut_to_version_one(book.details)


def print_listing(book: Book, *, with_offers: bool) -> PrintedListing:
    """Inverse of normalise_listing. Without its offers the book has one, of its price and availability."""
    printed, details = print_details(book.details), book.details
    covers = dict.fromkeys(url for url in (book.image_url, *details.covers) if url)
    others = {name: text for name, text in book.identifiers.items() if name != "isbn13"}
    isbn = book.identifiers.get("isbn13")
    return PrintedListing(
        title=book.title,
        subtitle=details.subtitle,
        contributors=_print_contributors(details),
        identifiers={**others, "isbn": isbn} if isbn else others,
        publisher=details.publisher,
        imprint=details.imprint,
        published=details.published or printed.published,
        format=details.format,
        pages=printed.pages,
        languages=details.languages or ((details.language,) if details.language else ()),
        series=tuple(PrintedSeries(name=each.name, number=each.number) for each in details.series),
        subjects=tuple(
            PrintedSubject(scheme=each.scheme, code=each.code, heading=each.heading)
            for each in details.subjects
        ),
        category=book.category,
        description=book.description,
        covers=tuple(covers),
        dimensions=printed.dimensions,
        weight=printed.weight,
        edition=details.edition,
        rating=None if book.rating is None else str(book.rating),
        average_rating=_print_attribute(book, "average_rating"),
        reviews=_print_attribute(book, "reviews"),
        attributes={k: str(v) for k, v in book.attributes.items() if k not in _ATTRIBUTES},
        offers=tuple(map(_print_offer, book.offers)) if with_offers else (_print_only_offer(book),),
        currency=book.price.currency if book.price else None,
    )


def _cut_to_version_one(details: Details) -> Details:
    """What version 1 holds of the details."""
    new = ("subtitle", "contributors", "imprint", "published", "languages", "series", "subjects", "covers")
    return replace(details, **{name: getattr(NO_DETAILS, name) for name in new})


def _print_contributors(details: Details) -> tuple[PrintedContributor, ...]:
    known = details.contributors
    if details.authors == tuple(each.name for each in known if each.role == "author"):
        return tuple(
            PrintedContributor(name=each.name, sort_name=each.sort_name, role=each.role) for each in known
        )
    others = [each for each in known if each.role != "author"]
    return (
        *(PrintedContributor(name=name) for name in details.authors),
        *(PrintedContributor(name=each.name, sort_name=each.sort_name, role=each.role) for each in others),
    )


def _print_only_offer(book: Book) -> PrintedOffer:
    quantity = book.availability.quantity
    return PrintedOffer(
        price=None if book.price is None else str(book.price),
        availability=book.availability.status.value,
        quantity=None if quantity is None else str(quantity),
    )


def _print_offer(offer: Offer) -> PrintedOffer:
    return PrintedOffer(
        price=None if offer.price is None else str(offer.price),
        unpriced=offer.unpriced,
        price_type=offer.price_type,
        price_qualifier=offer.price_qualifier,
        territories=offer.territories,
        excluded_territories=offer.excluded_territories,
        seller=offer.seller,
        condition=offer.condition,
        availability=offer.availability,
        quantity=None if offer.quantity is None else str(offer.quantity),
        minimum_quantity=None if offer.minimum_quantity is None else str(offer.minimum_quantity),
        valid_from=offer.valid_from,
        valid_until=offer.valid_until,
        url=offer.url,
    )


def _print_attribute(book: Book, name: str) -> str | None:
    value = book.attributes.get(name)
    return None if value is None else str(value)
