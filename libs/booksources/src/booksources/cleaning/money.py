"""Printed prices: `RRP £9.99` is 9.99 GBP, `Save $3` is no price.

Currencies and their minor digits are those of ISO 4217. A sign of several currencies, and the decimal sign,
are read as the source declares them, never guessed.
"""

import re
from decimal import Decimal
from functools import cache

from bookcore.domain.currencies import MINOR_DIGITS
from bookcore.domain.errors import Invalid
from bookcore.domain.printed_listing import PrintedOffer
from booksources.cleaning.amounts import parse_amount
from booksources.cleaning.currency import choose_currency
from booksources.cleaning.price_text import PricedAmount, fold_price, list_amounts, split_price
from booksources.cleaning.words import list_words
from booksources.reading import SourceProfile

_LONGEST = 200  # characters
_UNPRICED = ("free", "on_request", "to_be_announced")
_MORE = re.compile(r"\s*(?:\+|and up\b|or more\b)")


def read_money(text: str, profile: SourceProfile) -> str:
    """One price as `51.77 GBP`, with the minor digits of its currency.

    Raises: Invalid with the reason, also for the lowest price of a range.
    """
    offer = read_price(text, profile)
    if offer.price is None:
        raise Invalid("states no amount")
    if offer.price_qualifier is not None:
        raise Invalid("is the lowest price of several")
    return offer.price


def read_price(text: str, profile: SourceProfile) -> PrintedOffer:
    """The offer that the text states: `price`, or why there is none (`unpriced`); `price_qualifier` is
    `from` for the lowest of a range, `price_type` is set where the text says that tax is not included.

    Raises: Invalid with the reason.
    """
    folded = fold_price(text)
    if len(folded) > _LONGEST:
        raise Invalid(f"is longer than {_LONGEST} characters")
    unpriced = _find_unpriced(folded)
    if unpriced:
        return PrintedOffer(unpriced=unpriced)
    without_tax = _match_words("without_tax").search(folded)
    plain = _remove_words(_remove_words(folded, "note"), "without_tax")
    _refuse_other_amounts(plain)
    amounts = list_amounts(split_price(plain))
    price, qualifier = _choose_amount(plain, amounts, profile)
    return PrintedOffer(
        price=price,
        price_qualifier=qualifier,
        price_type="consumer_without_tax" if without_tax else None,
    )


def convert_amount(amount: Decimal, currency: str) -> str:
    """`51.77 GBP` of a number and an ISO 4217 code; zeros after the currency's minor digits are dropped.

    Raises: Invalid for an unknown code, a negative amount, and more decimals than the currency has.
    """
    if currency not in MINOR_DIGITS:
        raise Invalid(f"is in {currency[:20]!r}, which is no currency code of ISO 4217")
    if not amount.is_finite() or amount < 0:
        raise Invalid("is negative" if amount < 0 else "is no number")
    digits = MINOR_DIGITS[currency]
    printed = -int(amount.as_tuple().exponent)
    exact = round(amount, digits)
    if exact != amount or (printed == 3 and digits != 3):  # 9.990 may be nine thousand
        raise Invalid(f"has more decimals than {currency} has")
    return f"{exact:.{digits}f} {currency}"


def _find_unpriced(text: str) -> str | None:
    bare = text.casefold().strip(" .!*()")
    return next((reason for reason in _UNPRICED if bare in list_words("prices", reason)), None)


def _refuse_other_amounts(text: str) -> None:
    if "%" in text:
        raise Invalid("is a percentage, not a price")
    found = _match_words("no_price").search(text)
    if found:
        raise Invalid(f"says {found[0]!r}: it is no price to pay")


def _choose_amount(text: str, amounts: list[PricedAmount], profile: SourceProfile) -> tuple[str, str | None]:
    """The price, and `from` when it is the lowest of several."""
    if not amounts:
        raise Invalid("holds no amount")
    _refuse_faults(text, amounts)
    marks = [mark for amount in amounts for mark in amount.marks]
    if not marks:
        _refuse_words(text, amounts)
    currency = choose_currency(marks, profile)
    prices = [convert_amount(parse_amount(each.text, profile.decimal), currency) for each in amounts]
    head, tail = text[: amounts[0].start], text[amounts[-1].end :]
    if _match_words("up_to", before_amount=True).search(head):
        raise Invalid("states only the highest price")
    is_from = bool(_match_words("from", before_amount=True).search(head) or _MORE.match(tail))
    if len(set(prices)) == 1:
        return prices[0], "from" if is_from else None
    if len(amounts) > 2 or not _is_range(text[amounts[0].end : amounts[1].start]):
        raise Invalid("states several prices")
    return min(prices, key=lambda price: Decimal(price.split()[0])), "from"


def _refuse_faults(text: str, amounts: list[PricedAmount]) -> None:
    if any(amount.is_negative for amount in amounts) or re.fullmatch(r"\(.*\)", text):
        raise Invalid("is negative")
    fault = next((amount.fault for amount in amounts if amount.fault), None)
    if fault:
        raise Invalid(fault)


def _refuse_words(text: str, amounts: list[PricedAmount]) -> None:
    """Without a mark of a currency, the words must say that the number is a price."""
    rest = "".join(
        text[start:end]
        for start, end in zip(
            [0, *(each.end for each in amounts)], [*(each.start for each in amounts), len(text)], strict=True
        )
    )
    for table in ("label", "from", "up_to", "range"):
        rest = _remove_words(rest, table)
    odd = re.search(r"[^\W\d_]+", rest)
    if odd:
        raise Invalid(f"prints no currency, and {odd[0][:20]!r} is no word of a price")


def _is_range(between: str) -> bool:
    word = between.strip().casefold()
    return word == "-" or word in list_words("prices", "range")


def _remove_words(text: str, table: str) -> str:
    return _match_words(table).sub(" ", text)


@cache
def _match_words(table: str, *, before_amount: bool = False) -> re.Pattern[str]:
    words = sorted(list_words("prices", table), key=len, reverse=True)
    end = r"\s*:?\s*$" if before_amount else r"(?!\w)"
    return re.compile(rf"(?:[+&] ?|(?<!\w))(?:{'|'.join(map(re.escape, words))}){end}", re.IGNORECASE)
