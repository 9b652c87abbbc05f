"""Printed offers -> offers. A wrong fact costs that fact; a limit that can't be read costs the offer, which
could hold elsewhere or at another time.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from bookcore.domain.availability import AvailabilityStatus
from bookcore.domain.currencies import MINOR_DIGITS
from bookcore.domain.money import Money
from bookcore.domain.offer import WORLD, Condition, Offer, PriceType, Unpriced
from bookcore.domain.price_rule import is_day
from bookcore.domain.printed_listing import PrintedOffer
from bookcore.domain.rejection import InvalidField, check_text, is_whole_number
from bookcore.domain.remarks import RemarkCollector
from bookcore.domain.web_address import is_web_address

_MOST = 200
_PRICE = re.compile(r"(\d{1,9}(?:\.\d{1,4})?) ([A-Z]{3})", re.ASCII)
_TERRITORY = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", re.ASCII)
_QUALIFIER = re.compile(r"[a-z0-9_]{1,40}", re.ASCII)
_Word = TypeVar("_Word", bound=StrEnum)


def parse_offers(printed: Sequence[PrintedOffer], remarks: RemarkCollector) -> tuple[Offer, ...]:
    """The first 200 offers that can be read; the others become remarks."""
    if len(printed) > _MOST:
        remarks.add("offers", f"{len(printed)} offers", f"are more than {_MOST}; the first {_MOST} are kept")
    return tuple(_iterate_offers(printed[:_MOST], remarks))


def parse_price(text: str) -> Money:
    """`51.77 GBP`.

    Raises: InvalidField for another notation, a code that is no currency, and too many decimals.
    """
    match = _PRICE.fullmatch(text)
    if not match:
        raise InvalidField("price", "is not an amount and a currency", text)
    if match[2] not in MINOR_DIGITS:
        raise InvalidField("price", f"is in {match[2]}, which is no currency of ISO 4217", text)
    money = Money(Decimal(match[1]), match[2])
    if not money.has_minor_units:
        raise InvalidField("price", f"has more decimals than {money.currency} has", text)
    return money


def parse_territory(text: str) -> str:
    """Raises: InvalidField for what is neither a code of ISO 3166 nor WORLD."""
    if text != WORLD and not _TERRITORY.fullmatch(text):
        raise InvalidField("territories", "is neither a code of ISO 3166 nor WORLD", text)
    return text


def parse_currency(text: str) -> str:
    """Raises: InvalidField for what is no code of ISO 4217."""
    if text not in MINOR_DIGITS:
        raise InvalidField("currency", "is no currency of ISO 4217", text)
    return text


def parse_web_address(text: str) -> str:
    """Raises: InvalidField for what is no http(s) address."""
    if not is_web_address(text):
        raise InvalidField("url", "is not an http(s) address", text)
    return text


def parse_count(text: str) -> int:
    """Raises: InvalidField for what is no whole number."""
    if not is_whole_number(text):
        raise InvalidField("quantity", "is not a whole number", text)
    return int(text)


def _iterate_offers(printed: Sequence[PrintedOffer], remarks: RemarkCollector) -> Iterator[Offer]:
    for each in printed:
        try:
            yield _parse_offer(each, remarks)
        except InvalidField as refusal:
            fault = refusal.rejected
            remarks.add(
                f"offers.{fault.field}", fault.printed or "", f"{fault.reason}; the offer is left out"
            )


def _parse_offer(printed: PrintedOffer, remarks: RemarkCollector) -> Offer:
    price = remarks.read("offers.price", printed.price, parse_price)
    unpriced = remarks.read("offers.unpriced", printed.unpriced, _choose_parser("unpriced", Unpriced))
    return Offer(
        price=price,
        unpriced=None if price else unpriced,
        price_type=_parse_word("price_type", printed.price_type, PriceType),
        price_qualifier=_parse_qualifier(printed.price_qualifier),
        territories=tuple(map(parse_territory, printed.territories)),
        excluded_territories=tuple(map(parse_territory, printed.excluded_territories)),
        seller=remarks.read("offers.seller", printed.seller, _parse_seller),
        condition=_parse_word("condition", printed.condition, Condition),
        availability=remarks.read(
            "offers.availability", printed.availability, _choose_parser("availability", AvailabilityStatus)
        ),
        quantity=remarks.read("offers.quantity", printed.quantity, parse_count),
        minimum_quantity=parse_count(printed.minimum_quantity) if printed.minimum_quantity else None,
        valid_from=_parse_moment("valid_from", printed.valid_from),
        valid_until=_parse_moment("valid_until", printed.valid_until),
        url=remarks.read("offers.url", printed.url, parse_web_address),
    )


def _choose_parser(field: str, words: type[_Word]) -> Callable[[str], _Word]:
    def parse(text: str) -> _Word:
        try:
            return words(text)
        except ValueError as error:
            raise InvalidField(field, f"is none of {', '.join(words)}", text) from error

    return parse


def _parse_word(field: str, text: str | None, words: type[_Word]) -> _Word | None:
    return _choose_parser(field, words)(text) if text else None


def _parse_qualifier(text: str | None) -> str | None:
    if text and not _QUALIFIER.fullmatch(text):
        raise InvalidField("price_qualifier", "is not 1-40 of a-z, 0-9, _", text)
    return text or None


def _parse_seller(text: str) -> str | None:
    return check_text("seller", text, longest=300)


def _parse_moment(field: str, text: str | None) -> str | None:
    """A day or a moment in ISO 8601, as it was given."""
    if not text:
        return None
    try:
        is_known = bool(date.fromisoformat(text)) if is_day(text) else _has_offset(text)
    except ValueError:
        is_known = False
    if not is_known:
        raise InvalidField(field, "is neither YYYY-MM-DD nor a moment with an offset", text)
    return text


def _has_offset(text: str) -> bool:
    return datetime.fromisoformat(text).tzinfo is not None
