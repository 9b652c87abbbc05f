"""Offers of a product: every price of every supplier, with its type, territory and period."""

from collections.abc import Iterator
from dataclasses import replace

from bookcore.domain.printed_listing import PrintedOffer, Remark
from booksources.cleaning.xml_events import Element
from booksources.onix.code_lists import (
    AVAILABILITY,
    CONSUMER_QUALIFIERS,
    LIBRARY_QUALIFIERS,
    PRICE_TYPES,
    UNPRICED,
)
from booksources.onix.dates import parse_date
from booksources.onix.elements import (
    MessageDefaults,
    find_child,
    find_children,
    find_descendants,
    get_date_format,
    get_text,
)

_FROM, _UNTIL, _WITHIN = "14", "15", "24"
"""List 173, roles of the dates of a price."""
_EVERYWHERE = frozenset({"WORLD", "ROW"})


def read_offers(
    product: Element, defaults: MessageDefaults, remarks: list[Remark]
) -> tuple[PrintedOffer, ...]:
    """Offers in the message's order; a supply without any price is one offer without a price."""
    found: list[PrintedOffer] = []
    for place in [*find_children(product, "productsupply")] or [product]:
        market = _read_territories(find_child(find_child(place, "market"), "territory"))
        for supply in find_children(place, "supplydetail"):
            found += [_add_market(offer, market) for offer in _read_supply(supply, defaults, remarks)]
    return tuple(found)


def _add_market(offer: PrintedOffer, market: tuple[list[str], list[str]]) -> PrintedOffer:
    """The market of the supply is the territory of prices that name none."""
    if offer.territories or offer.excluded_territories:
        return offer
    return replace(offer, territories=tuple(market[0]), excluded_territories=tuple(market[1]))


def _read_supply(supply: Element, defaults: MessageDefaults, remarks: list[Remark]) -> Iterator[PrintedOffer]:
    common = PrintedOffer(
        seller=_read_seller(supply),
        availability=_read_availability(supply),
        quantity=_read_quantity(supply),
        unpriced=UNPRICED.get(get_text(supply, "unpriceditemtype")),
    )
    prices = [*find_children(supply, "price")]
    for price in prices:
        yield _read_price(price, common, defaults, remarks)
    if not prices and common != PrintedOffer(seller=common.seller):
        yield common


def _read_price(
    price: Element, common: PrintedOffer, defaults: MessageDefaults, remarks: list[Remark]
) -> PrintedOffer:
    amount = get_text(price, "priceamount")
    currency = get_text(price, "currencycode") or defaults.currency
    offer = replace(
        common,
        price=f"{amount} {currency}".strip() if amount else None,
        unpriced=None if amount else UNPRICED.get(get_text(price, "unpriceditemtype"), common.unpriced),
        minimum_quantity=get_text(price, "minimumorderquantity") or None,
    )
    offer = _add_type(offer, price, defaults)
    return _add_period(_add_territories(offer, price), price, remarks)


def _add_type(offer: PrintedOffer, price: Element, defaults: MessageDefaults) -> PrintedOffer:
    code = get_text(price, "pricetype", "pricetypecode") or defaults.price_type
    qualifier = get_text(price, "pricequalifier")
    kind = PRICE_TYPES.get(code, "other") if code else None
    if qualifier in LIBRARY_QUALIFIERS and kind != "trade":
        return replace(offer, price_type=f"library_{kind or 'with_tax'}" if kind != "other" else kind)
    if qualifier not in CONSUMER_QUALIFIERS:
        return replace(offer, price_type="other", price_qualifier=f"onix_{qualifier}")
    if kind in ("with_tax", "without_tax"):
        kind = f"consumer_{kind}"
    return replace(offer, price_type=kind, price_qualifier=CONSUMER_QUALIFIERS[qualifier])


def _add_territories(offer: PrintedOffer, price: Element) -> PrintedOffer:
    """The price's own territory; ONIX 3.0 has it in a composite, ONIX 2.1 in the price."""
    place = find_child(price, "territory")
    is_composite = place is not None and any(True for _ in place)
    included, excluded = _read_territories(place if is_composite else price)
    return replace(offer, territories=tuple(included), excluded_territories=tuple(excluded))


def _read_territories(place: Element | None) -> tuple[list[str], list[str]]:
    if place is None:
        return [], []
    included = _list_codes(place, "countriesincluded", "regionsincluded", "countrycode", "territory")
    excluded = _list_codes(
        place, "countriesexcluded", "regionsexcluded", "countryexcluded", "territoryexcluded"
    )
    return (["WORLD"] if _EVERYWHERE & {*included} else included), excluded


def _list_codes(element: Element, *names: str) -> list[str]:
    found = (get_text(child) for child in find_children(element, *names) if not any(True for _ in child))
    return [*dict.fromkeys(code for text in found for code in text.upper().split())]


def _add_period(offer: PrintedOffer, price: Element, remarks: list[Remark]) -> PrintedOffer:
    """The days on which the price holds; a price whose period can't be read is never the usual one."""
    days: dict[str, str | None] = {}
    for role, text, form in _list_dates(price):
        day = parse_date(text, form)
        days[role] = day
        if day is None:
            remarks.append(Remark("offers.period", text[:200], "is no date of its format"))
    if None in days.values():
        offer = replace(offer, price_type="other", price_qualifier="unreadable_period")
    return replace(offer, valid_from=days.get(_FROM), valid_until=days.get(_UNTIL))


def _list_dates(price: Element) -> Iterator[tuple[str, str, str]]:
    """(role, text, format) of each date of a price."""
    for role, name in ((_FROM, "priceeffectivefrom"), (_UNTIL, "priceeffectiveuntil")):
        if text := get_text(price, name):
            yield role, text, ""
    for element in find_children(price, "pricedate"):
        role, place = get_text(element, "pricedaterole"), find_child(element, "date")
        form = get_date_format(place) or get_text(element, "dateformat")
        text = get_text(element, "date")
        if role == _WITHIN and len(text) == 16:
            yield _FROM, text[:8], ""
            yield _UNTIL, text[8:], ""
        elif role in (_FROM, _UNTIL):
            yield role, text, form


def _read_seller(supply: Element) -> str | None:
    supplier = find_child(supply, "supplier")
    return get_text(supply if supplier is None else supplier, "suppliername") or None


def _read_availability(supply: Element) -> str | None:
    code = get_text(supply, "productavailability") or get_text(supply, "availabilitycode").upper()
    return AVAILABILITY.get(code)


def _read_quantity(supply: Element) -> str | None:
    amounts = [get_text(stock, "onhand") for stock in find_descendants(supply, "stock")]
    numbers = [int(text) for text in amounts if text.isascii() and text.isdecimal() and len(text) < 9]
    return str(sum(numbers)) if numbers else None
