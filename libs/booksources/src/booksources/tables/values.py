"""Printed values that tables have in columns of their own: counts, stars, lists, measures, series."""

import re
from collections.abc import Callable
from decimal import Decimal

from bookcore.domain.errors import Invalid
from bookcore.domain.printed_listing import PrintedSeries
from booksources.cleaning.amounts import parse_amount

_STARS = {"one": "1", "two": "2", "three": "3", "four": "4", "five": "5"}
_NUMBER = re.compile(r"(?<![\w.,])\d(?:[\d.,'\u00a0 ]*\d)?(?![\w])")
_OF_FIVE = re.compile(r"(?:out of|of|/|von|sur|de|su|van|od)\s*5(?:[.,]0)?(?!\d)", re.IGNORECASE)
_SERIES = re.compile(
    r"(.+?)(?:[,:]\s*|\s+)(?:#|book |vol\.? |volume |band |tome |no\.? )\s*(\d{1,4}(?:\.\d)?)", re.IGNORECASE
)
_MEMBER = re.compile(r"""(?:"([^"]*)"|'((?:[^']|'(?=\w))*)')""")


def read_count(text: str, decimal: str | None = None) -> str:
    """The one whole number of a text: `4,780,653 ratings`, `288 pages`, `15.0`. Raises: Invalid."""
    found = _NUMBER.findall(text)
    if len(found) != 1 or re.search(r"\d\s*[kKmM]\b|-\s*\d", text):
        raise Invalid("is no whole number")
    number = parse_amount(re.sub(r"\.0+$", "", found[0]) if decimal != "," else found[0], decimal)
    if number != int(number):
        raise Invalid("is no whole number")
    return str(int(number))


def read_pages(text: str, decimal: str | None = None) -> str | None:
    """A number of pages; None for 0. Raises: Invalid."""
    return read_count(text, decimal).removeprefix("0") or None


def read_stars(text: str) -> str:
    """Whole stars as a digit; other texts unchanged."""
    return _STARS.get(text.strip().lower(), re.sub(r"\.0+$", "", text.strip()))


def read_average(text: str, decimal: str | None = None) -> str | None:
    """A mean of 0 to 5 stars with two decimals: `4.0 out of 5 stars`; None for 0 of an unrated book.

    Raises: Invalid, also for stars of ten.
    """
    found = _NUMBER.findall(_OF_FIVE.sub("", text))
    if len(found) != 1 or "-" in text:
        raise Invalid("is no number of stars")
    either = re.fullmatch(r"\d[.,]\d{1,2}", found[0])  # too small to have thousands
    stars = Decimal(found[0].replace(",", ".")) if either else parse_amount(found[0], decimal)
    if stars > 5:
        raise Invalid("is more than 5 stars")
    shown = stars if int(stars.as_tuple().exponent) >= -2 else round(stars, 2)
    return str(shown) if stars else None


def read_list(text: str, separator: str | None = None) -> tuple[str, ...]:
    """Members of a printed list: `['A', 'B']`, or parts between `;`, `|`, lines or the separator."""
    stripped = text.strip()
    if stripped[:1] in "[{" and stripped[1:2] in ("'", '"'):
        members = [double or single for double, single in _MEMBER.findall(stripped)]
    else:
        members = re.split(rf"[;|\n]|{re.escape(separator)}" if separator else r"[;|\n]", stripped)
    return tuple(dict.fromkeys(member.strip(" []") for member in members if member.strip(" []")))


def read_series(text: str) -> PrintedSeries:
    """`The Hunters, #3` is the series The Hunters with number 3."""
    match = _SERIES.fullmatch(text.strip(" ()"))
    if match:
        return PrintedSeries(name=match[1].strip(), number=match[2])
    return PrintedSeries(name=text.strip(" ()"))


def read_measure(text: str, unit: str | None, convert: Callable[[str], str | None]) -> str:
    """A converted size or weight; `unit` is that of numbers without one. Raises: Invalid."""
    has_unit = bool(re.search(r"[A-WYZa-wyz\"\u2033]", text))
    shown = text if has_unit or unit is None else f"{text} {unit}"
    converted = convert(shown)
    if converted is None:
        raise Invalid("is no measure with a known unit" if has_unit or unit else "has no unit")
    return converted


def format_plain(money: str) -> str:
    """The amount of `51.77 GBP`."""
    return str(Decimal(money.partition(" ")[0]))
