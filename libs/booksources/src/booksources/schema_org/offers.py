"""Offers of a thing -> printed offers."""

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from bookcore.domain.errors import Invalid
from bookcore.domain.printed_listing import PrintedOffer
from booksources.cleaning.money import convert_amount, read_price
from booksources.cleaning.remarks import RemarkLog
from booksources.cleaning.stock import PrintedStock, read_stock
from booksources.reading import SourceProfile
from booksources.schema_org.node import Node, shorten_term
from booksources.web_pages.elements import resolve_link

_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,6})?", re.ASCII)
_CODE = re.compile(r"[A-Z]{3}")
_TERRITORY = re.compile(r"[A-Z]{2}")
_NOT_THE_PRICE = frozenset(
    {"ListPrice", "StrikethroughPrice", "MSRP", "SRP", "RegularPrice", "MinimumAdvertisedPrice"}
)
_CONDITIONS = {
    "NewCondition": "new",
    "new": "new",
    "UsedCondition": "used",
    "used": "used",
    "RefurbishedCondition": "refurbished",
    "refurbished": "refurbished",
    "DamagedCondition": "damaged",
}
_MOST_OFFERS = 200
_NOTHING = PrintedOffer()


class OfferReader:
    """Reads the offers of one listing; what can't be read becomes a remark."""

    def __init__(self, profile: SourceProfile, remarks: RemarkLog, base: str) -> None:
        self._profile = profile
        self._remarks = remarks
        self._base = base

    def read(self, thing: Node) -> tuple[PrintedOffer, ...]:
        """Offers of the thing; a price of the thing itself is an offer, too."""
        found = [offer for node in thing.iterate_nodes("offers") for offer in self._read_offers(node)]
        if not found and ("price" in thing.properties or "priceSpecification" in thing.properties):
            found = [self._read_offer(thing)]
        if len(found) > _MOST_OFFERS:
            self._remarks.add("offers", f"{len(found)} offers", f"are more than {_MOST_OFFERS}")
        return tuple(dict.fromkeys(offer for offer in found[:_MOST_OFFERS] if offer != _NOTHING))

    def _read_offers(self, node: Node) -> Iterator[PrintedOffer]:
        inner = list(node.iterate_nodes("offers", "itemOffered") if "AggregateOffer" in node.types else ())
        priced = [
            each for each in inner if "price" in each.properties or "priceSpecification" in each.properties
        ]
        if priced:
            yield from (self._read_offer(each.complete(_keep_shared(node))) for each in priced)
        else:
            yield self._read_offer(node)

    def _read_offer(self, node: Node) -> PrintedOffer:
        price, qualifier = self._read_price(node)
        stock = self._read_stock(node)
        condition = self._remarks.read("offers.condition", node.get_text("itemCondition"), _read_condition)
        url = node.get_text("url") if node.has_type(frozenset({"Offer"})) else None
        return PrintedOffer(
            price=price.price if price else None,
            unpriced=price.unpriced if price else None,
            price_type=_read_price_type(node),
            price_qualifier=qualifier,
            territories=self._read_territories(node),
            seller=node.get_text("seller", "offeredBy"),
            condition=condition,
            availability=stock.availability if stock else None,
            quantity=node.get_text("inventoryLevel") or (stock.quantity if stock else None),
            minimum_quantity=_read_minimum(node),
            valid_from=_read_moment(node, "validFrom"),
            valid_until=_read_moment(node, "priceValidUntil", "validThrough"),
            url=resolve_link(self._base, url) if url else None,
        )

    def _read_price(self, node: Node) -> tuple[PrintedOffer | None, str | None]:
        """The price, and `from` when only the lowest one is stated."""
        currency = node.get_text("priceCurrency")
        if text := node.get_text("price"):
            return self._parse_price(text, currency), None
        for specification in node.iterate_nodes("priceSpecification"):
            kind = shorten_term(specification.get_text("priceType") or "")
            text = specification.get_text("price", "minPrice")
            if text and kind not in _NOT_THE_PRICE:
                is_lowest = "price" not in specification.properties
                code = specification.get_text("priceCurrency") or currency
                return self._parse_price(text, code), "from" if is_lowest else None
        if text := node.get_text("lowPrice"):
            is_one = text == node.get_text("highPrice")
            return self._parse_price(text, currency), None if is_one else "from"
        return None, None

    def _parse_price(self, text: str, currency: str | None) -> PrintedOffer | None:
        """schema.org's numbers have a decimal point, whatever the source's own notation is."""

        def parse(printed: str) -> PrintedOffer:
            code = (currency or "").strip().upper()
            if _NUMBER.fullmatch(printed):
                wanted = code or self._profile.currency
                if not wanted:
                    raise Invalid("has no currency, and the source declares none")
                return PrintedOffer(price=convert_amount(Decimal(printed), wanted))
            has_code = _CODE.fullmatch(code) and re.fullmatch(r"[\d.,\s]+", printed)
            offer = read_price(f"{printed} {code}" if has_code else printed, self._profile)
            if offer.price and code and not offer.price.endswith(code):
                raise Invalid(f"is not in {code}, as the page says elsewhere")
            return offer

        return self._remarks.read("offers.price", text.replace("\u00a0", " ").strip(), parse)

    def _read_stock(self, node: Node) -> PrintedStock | None:
        text = node.get_text("availability")
        return self._remarks.read("offers.availability", text, _parse_stock)

    def _read_territories(self, node: Node) -> tuple[str, ...]:
        codes = (text.upper() for text in node.iterate_texts("eligibleRegion", "areaServed"))
        return tuple(dict.fromkeys(code for code in codes if _TERRITORY.fullmatch(code)))


def _keep_shared(aggregate: Node) -> Node:
    shared = ("priceCurrency", "availability", "itemCondition", "seller", "priceValidUntil")
    return Node((), {name: aggregate.properties[name] for name in shared if name in aggregate.properties})


def _read_condition(text: str) -> str:
    known = _CONDITIONS.get(shorten_term(text)) or _CONDITIONS.get(shorten_term(text).lower())
    if known is None:
        raise Invalid("is no known condition")
    return known


def _parse_stock(text: str) -> PrintedStock:
    return read_stock(shorten_term(text) if "://" in text or text.startswith("schema:") else text)


def _read_price_type(node: Node) -> str | None:
    stated = [
        text
        for each in (node, *node.iterate_nodes("priceSpecification"))
        if (text := each.get_text("valueAddedTaxIncluded"))
    ]
    if not stated:
        return None
    is_with = shorten_term(stated[0]).lower() in ("true", "yes", "1")
    return "consumer_with_tax" if is_with else "consumer_without_tax"


def _read_minimum(node: Node) -> str | None:
    for quantity in node.iterate_nodes("eligibleQuantity"):
        text = quantity.get_text("minValue", "value")
        if text and text.isascii() and text.isdecimal() and text != "1":
            return text
    return None


def _read_moment(node: Node, *names: str) -> str | None:
    """A day, or a moment with an offset; a moment without one is kept as its day.

    What can't be read is kept as it is: the domain leaves out an offer whose limits are unknown.
    """
    places = (node, *node.iterate_nodes("priceSpecification"))
    text = next((text for each in places if (text := each.get_text(*names))), None)
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return text
    if moment is None or text is None:
        return None
    return moment.isoformat() if moment.tzinfo and len(text) > 10 else moment.date().isoformat()
