"""Reads product feeds: RSS 2.0 and Atom, with or without the fields of Google Merchant Center (`g:`)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from bookcore.domain.errors import Invalid
from bookcore.domain.printed_listing import PrintedListing, PrintedOffer
from booksources.cleaning.addresses import resolve_address
from booksources.cleaning.dates import DateNotation, read_date
from booksources.cleaning.html_text import convert_html_to_text, read_element_text
from booksources.cleaning.isbn import read_isbn
from booksources.cleaning.money import read_price
from booksources.cleaning.people import read_people
from booksources.cleaning.remarks import RemarkLog
from booksources.cleaning.source_ids import make_source_id
from booksources.cleaning.stock import read_stock
from booksources.cleaning.units import format_weight
from booksources.cleaning.xml_events import (
    Element,
    encode_element,
    free_element,
    get_local_name,
    iterate_events,
    read_line,
)
from booksources.reading import Document, Link, Listing, Parked, ReadItem, SourceProfile

_AVAILABILITY = {
    "in_stock": "in_stock",
    "in stock": "in_stock",
    "out_of_stock": "out_of_stock",
    "out of stock": "out_of_stock",
    "preorder": "preorder",
    "backorder": "out_of_stock",
}
_CONDITIONS = frozenset({"new", "used", "refurbished", "damaged"})
_BOOK_CATEGORY = "784"
Fields = Mapping[str, list[Element]]
_ROOTS = frozenset({"rss", "feed", "RDF"})


def read(document: Document, profile: SourceProfile) -> Iterator[ReadItem]:
    """Items as listings; an item whose GTIN is that of another product than a book is parked.

    Raises: Invalid when the document is neither RSS nor Atom, or is damaged.
    """
    number, depth = 0, 0
    for event, element in iterate_events(document.body):
        name = get_local_name(element)
        if event == "start":
            if not depth and name not in _ROOTS:
                raise Invalid(f"its root is <{name[:60]}>, neither RSS nor Atom", field="document")
            depth += 1
            continue
        depth -= 1
        if name in ("item", "entry"):
            number += 1
            yield _read_item(number, element, document, profile)
            free_element(element)
        elif name == "link":
            yield from _list_next(element, document.url)


def _list_next(link: Element, base: str) -> Iterator[Link]:
    url = resolve_address(base, link.attrib.get("href"))
    parent = link.getparent()
    is_of_feed = parent is not None and get_local_name(parent) in ("feed", "channel")
    if url and is_of_feed and link.attrib.get("rel") == "next":
        yield Link("next", url)


def _read_item(number: int, item: Element, document: Document, profile: SourceProfile) -> ReadItem:
    fields = _list_fields(item)
    key = _get_text(fields, "id", "guid", "link")
    if not key or not _get_text(fields, "title"):
        return Parked(f"item {number}", encode_element(item), "has no title" if key else "has no id")
    remarks = RemarkLog()
    isbn = remarks.read("isbn", _get_text(fields, "isbn", "gtin"), read_isbn)
    if isbn is None and not _is_book(fields):
        return Parked(f"item {number}", encode_element(item), "is no book by its GTIN or category")
    printed = _parse_item(fields, document.url, profile, remarks, isbn=isbn)
    return Listing(make_source_id(key), _find_address(fields, document.url) or "", printed)


def _parse_item(
    fields: Fields, base: str, profile: SourceProfile, remarks: RemarkLog, *, isbn: str | None
) -> PrintedListing:
    notation = DateNotation(profile.language)
    place = next((fields[name][0] for name in ("description", "content", "summary") if name in fields), None)
    description = convert_html_to_text(read_element_text(place)) if place is not None else ""
    covers = (resolve_address(base, read_line(image)) for image in fields.get("image_link", []))
    author = _get_text(fields, "author", "creator")
    offers = tuple(_read_offers(fields, base, profile, remarks))
    return PrintedListing(
        title=_get_text(fields, "title"),
        contributors=remarks.read("contributors", author, read_people) or (),
        identifiers={"isbn": isbn} if isbn else {},
        publisher=_get_text(fields, "publisher", "brand") or None,
        published=remarks.read(
            "published", _get_text(fields, "publication_date"), lambda text: read_date(text, notation)
        ),
        format=_get_text(fields, "binding", "format") or None,
        languages=tuple(filter(None, [_get_text(fields, "language")])),
        category=_read_category(fields),
        description=description or None,
        covers=tuple(dict.fromkeys(url for url in covers if url)),
        weight=format_weight(_get_text(fields, "product_weight", "shipping_weight")),
        offers=offers,
        currency=profile.currency,
        territory=profile.territory,
        remarks=remarks.remarks,
    )


def _read_offers(fields: Fields, base: str, profile: SourceProfile, remarks: RemarkLog) -> list[PrintedOffer]:
    """The usual price, and the sale price with its period."""
    condition = _get_text(fields, "condition").lower()
    stock = remarks.read("availability", _get_text(fields, "availability"), _read_availability)
    common = PrintedOffer(
        availability=stock,
        quantity=_get_text(fields, "quantity", "sell_on_google_quantity") or None,
        condition=condition if condition in _CONDITIONS else None,
        url=_find_address(fields, base),
    )
    found = [
        offer
        for name in ("price", "sale_price")
        if (offer := _read_offer(name, common, fields, profile, remarks)) is not None
    ]
    return found or ([common] if stock else [])


def _read_offer(
    name: str, common: PrintedOffer, fields: Fields, profile: SourceProfile, remarks: RemarkLog
) -> PrintedOffer | None:
    printed = _get_text(fields, name)
    offer = remarks.read(f"offers.{name}", printed, lambda text: read_price(text, profile))
    if offer is None:
        return None
    start, _, end = _get_text(fields, f"{name}_effective_date").partition("/")
    return replace(
        common,
        price=offer.price,
        unpriced=offer.unpriced,
        price_type=offer.price_type,
        price_qualifier="promotion" if name == "sale_price" else offer.price_qualifier,
        valid_from=start or None,
        valid_until=end or None,
    )


def _read_category(fields: Fields) -> str | None:
    text = _get_text(fields, "product_type", "google_product_category", "category")
    return None if text.isdecimal() else text or None


def _read_availability(text: str) -> str:
    known = _AVAILABILITY.get(text.strip().lower())
    return known or read_stock(text).availability


def _is_book(fields: Fields) -> bool:
    """An item is taken for a book unless its GTIN or its category says otherwise."""
    if _get_text(fields, "gtin"):
        return False
    category = _get_text(fields, "google_product_category")
    return not category or category == _BOOK_CATEGORY or "book" in category.lower()


def _find_address(fields: Fields, base: str) -> str | None:
    for link in fields.get("link", []):
        if link.attrib.get("rel", "alternate") == "alternate":
            return resolve_address(base, link.attrib.get("href") or read_line(link))
    return None


def _list_fields(item: Element) -> Fields:
    """Elements by local name in lower case: shops write the fields with and without their namespace."""
    fields: dict[str, list[Element]] = {}
    for child in item:
        fields.setdefault(get_local_name(child).lower(), []).append(child)
    return fields


def _get_text(fields: Fields, *names: str) -> str:
    """The first text; an element with children (`author`) gives that of its `name`."""
    for element in (element for name in names for element in fields.get(name, [])):
        named = next((child for child in element if get_local_name(child) == "name"), element)
        if text := read_line(named):
            return text
    return ""
