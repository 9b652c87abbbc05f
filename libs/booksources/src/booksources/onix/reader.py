"""ONIX for Books (2.1, 3.0, 3.1; reference names and short tags) as listings, one product at a time.

Code lists are EDItEUR's.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import IO

from bookcore.domain.errors import Invalid
from bookcore.domain.printed_listing import PrintedListing, PrintedOffer
from booksources.cleaning.source_ids import make_source_id
from booksources.cleaning.xml_events import (
    Element,
    MalformedXml,
    encode_element,
    free_element,
    iterate_events,
)
from booksources.onix.elements import MessageDefaults, get_name, get_text, parse_header
from booksources.onix.product import parse_product
from booksources.reading import Document, Gone, Listing, Parked, ReadItem, SourceProfile

_LEVELS = {"onixmessage": 1, "product": 0}
_BLOCKS = {
    "descriptivedetail": "descriptive",
    "collateraldetail": "collateral",
    "publishingdetail": "publishing",
    "productsupply": "supply",
}
"""Name in bookcore.domain.blocks of each block that is read."""
_OTHER_BLOCKS = frozenset({"contentdetail", "relatedmaterial", "productiondetail", "promotiondetail"})
_UPDATE, _DELETED, _TESTS = "04", "05", frozenset({"88", "89"})


class MalformedMessage(Invalid):
    """The file is no XML, ends early, or is no ONIX message."""


def read(document: Document, profile: SourceProfile) -> Iterator[ReadItem]:
    """A listing for each product, and a Gone for each product that the sender deleted.

    A product of ONIX 3 that updates only some blocks is a listing of these blocks. Test records are parked.
    Amounts always have a point, so `profile` adds only its currency and territory.
    """
    for number, (product, defaults) in enumerate(_iterate_products(document.body), start=1):
        yield _read_item(number, product, defaults, profile)


def _read_item(number: int, product: Element, defaults: MessageDefaults, profile: SourceProfile) -> ReadItem:
    reference = get_text(product, "recordreference")
    kind = get_text(product, "notificationtype")
    if not reference:
        return _park(number, product, "has no RecordReference")
    if kind == _DELETED:
        reason = get_text(product, "deletiontext") or "the sender deleted the product"
        return Gone(make_source_id(reference), reason, as_of=defaults.sent_at)
    if kind in _TESTS:
        return _park(number, product, "is a test record")
    printed, blocks = parse_product(product, defaults), _list_updated_blocks(product, kind)
    if blocks is not None and not blocks:
        return _park(number, product, "updates no block that is read")
    if not printed.title and (blocks is None or "descriptive" in blocks):
        return _park(number, product, "has no title")
    profiled = replace(_add_profile(printed, profile), blocks=blocks or ())
    return Listing(make_source_id(reference), "", profiled, as_of=defaults.sent_at)


def _list_updated_blocks(product: Element, kind: str) -> tuple[str, ...] | None:
    """Blocks that an update states; None for a whole product, as every one of ONIX 2.1 is."""
    present = {get_name(block) for block in product}
    if kind != _UPDATE or present >= _BLOCKS.keys() or not present & (_BLOCKS.keys() | _OTHER_BLOCKS):
        return None
    return tuple(name for block, name in _BLOCKS.items() if block in present)


def _add_profile(printed: PrintedListing, profile: SourceProfile) -> PrintedListing:
    offers = tuple(_add_currency(offer, profile.currency) for offer in printed.offers)
    return replace(printed, offers=offers, currency=profile.currency, territory=profile.territory)


def _add_currency(offer: PrintedOffer, currency: str | None) -> PrintedOffer:
    if offer.price is None or " " in offer.price or currency is None:
        return offer
    return replace(offer, price=f"{offer.price} {currency}")


def _park(number: int, product: Element, reason: str) -> Parked:
    return Parked(f"product {number}", encode_element(product), reason)


def _iterate_products(body: IO[bytes]) -> Iterator[tuple[Element, MessageDefaults]]:
    """Products; each is freed once the next is asked for, so that memory stays flat."""
    try:
        yield from _iterate_elements(iterate_events(body))
    except MalformedXml as error:
        raise MalformedMessage(error.reason) from error


def _iterate_elements(events: Iterator[tuple[str, Element]]) -> Iterator[tuple[Element, MessageDefaults]]:
    defaults, has_products, depth, level = MessageDefaults(), False, 0, 0
    for event, element in events:
        name = get_name(element)
        if event == "start":
            if not depth:
                level = _find_product_depth(name)
            depth += 1
            continue
        depth -= 1
        if depth != level:
            continue
        if name == "header":
            defaults = parse_header(element)
        elif name == "product":
            has_products = True
            yield element, defaults
        free_element(element)
    if not has_products:
        raise MalformedMessage("it has no products")


def _find_product_depth(root: str) -> int:
    """Depth of the product elements: 0 for a product without a message around it."""
    if root not in _LEVELS:
        raise MalformedMessage(f"its root is <{root[:60]}>, not an ONIX message")
    return _LEVELS[root]
