"""Amounts: digits with a decimal sign that the source declares."""

import re
from decimal import Decimal

from bookcore.domain.errors import Invalid

_POINT, _COMMA = ".", ","
_GROUPS = {_POINT: "[,'\u2019 ]", _COMMA: "[.'\u2019 ]"}
_LAKHS = r"\d{1,2}(?:,\d{2})+,\d{3}"  # 1,25,000 as India writes it
_AMOUNT = {
    decimal: re.compile(
        rf"(?P<whole>\d{{1,3}}(?P<group>{group})\d{{3}}(?:(?P=group)\d{{3}})*"
        rf"|{_LAKHS if decimal == _POINT else '(?!)'}|\d+)?(?:{re.escape(decimal)}(?P<part>\d+))?",
        re.ASCII,
    )
    for decimal, group in _GROUPS.items()
}
_LONGEST = 9  # digits before the decimal sign
_NAMES = {_POINT: "point", _COMMA: "comma"}


def parse_amount(text: str, decimal: str | None = None) -> Decimal:
    """The number, with the digits after the decimal sign that are printed; `decimal` as in SourceProfile.

    Raises: Invalid for another notation, and for more than nine digits before the decimal sign.
    """
    sign = decimal or _POINT
    match = _AMOUNT[sign].fullmatch(text.strip())
    if not match or not (match["whole"] or match["part"]):
        raise Invalid(f"is not an amount with a decimal {_NAMES[sign]}")
    whole = re.sub(r"\D", "", match["whole"] or "0")
    if len(whole.lstrip("0")) > _LONGEST:
        raise Invalid(f"has more than {_LONGEST} digits before the decimal sign")
    return Decimal(f"{whole}.{match['part']}" if match["part"] else whole)
