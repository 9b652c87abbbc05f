"""Printed dates in EDTF form: YYYY, YYYY-MM or YYYY-MM-DD, only as precise as they are printed."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from bookcore.domain.errors import Invalid
from booksources.cleaning.words import load_words

_EXCEL = date(1899, 12, 30)  # day 0 of Excel's dates
_LAST_SERIAL = 73_050  # 1999-12-31 + 100 years
_SERIAL = re.compile(r"(\d{5,6})(?:\.0+)?", re.ASCII)
_LONGEST = 100  # characters
_ISO = re.compile(
    r"(?P<year>\d{4})(?:(?:[-/]|\. ?)(?P<month>\d{1,2})(?:(?:[-/]|\. ?)(?P<day>\d{1,2}))?)?"
    r"(?:[T ]\d{1,2}:\d{2}.*)?",
    re.ASCII,
)
_EAST_ASIAN = re.compile(
    r"(?P<year>\d{4}) ?\u5e74(?: ?(?P<month>\d{1,2}) ?\u6708(?: ?(?P<day>\d{1,2}) ?\u65e5)?)?", re.ASCII
)
_COMPACT = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})", re.ASCII)
_NUMBERS = re.compile(r"(\d{1,2}) ?[-/.] ?(\d{1,2}) ?[-/.] ?(?P<year>\d{4})(?:,? \d{1,2}:\d{2}.*)?", re.ASCII)
_MONTH_YEAR = re.compile(r"(?P<month>\d{1,2})[-/.](?P<year>\d{4})", re.ASCII)
_YEAR = re.compile(r"(?<![\w.,])[c\u00a9p]?(\d{4})(?:\.0+)?(?![\w]|[.,]\d)", re.ASCII)
_LETTERS = r"[^\W\d_]+"
_DAY = r"(?<!\d)(?P<day>\d{1,2})(?:st|nd|rd|th|er|\u00ba|o|e)?"
_OF = r"(?:[ .,/-]|\bde\b|\bdel\b|\bof\b|\bdi\b)*"
_DAY_NAME_YEAR = re.compile(rf"{_DAY}{_OF}(?P<name>{_LETTERS}){_OF}(?P<year>\d{{4}})(?!\d)")
_NAME_DAY_YEAR = re.compile(rf"(?P<name>{_LETTERS})[ .-]*{_DAY}[ .,-]+(?P<year>\d{{4}})(?!\d)")
_NAME_YEAR = re.compile(rf"(?P<name>{_LETTERS}){_OF}(?P<year>\d{{4}})(?!\d)")
_YEAR_NAME_DAY = re.compile(
    rf"(?<!\d)(?P<year>\d{{4}})[ .,-]*(?P<name>{_LETTERS})(?:[ .,-]*(?P<day>\d{{1,2}}))?"
)
_NAMED = (_DAY_NAME_YEAR, _NAME_DAY_YEAR, _YEAR_NAME_DAY, _NAME_YEAR)


@dataclass(frozen=True, slots=True)
class DateNotation:
    """How a column prints dates: the declared language (BCP 47), and whether numbers are Excel's days."""

    language: str = "en"
    is_serial: bool = False


def detect_date_notation(values: Iterable[str], language: str) -> DateNotation:
    """The notation of a column: Excel's days where all values look like them and some are of this age."""
    serials = [_SERIAL.fullmatch(value.strip()) for value in values if value.strip()]
    is_serial = all(serials) and any(int(match[1]) <= _LAST_SERIAL for match in serials if match)
    return DateNotation(language, is_serial)


def read_date(text: str, notation: DateNotation) -> str:
    """The date. Day and month as numbers are ordered by the declared language, if it has an order.

    Raises: Invalid for month 13, an order that nothing decides, a year of two digits.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).strip(" .-\u2013\u2014[]()?").split())
    if len(plain) > _LONGEST:
        raise Invalid(f"is longer than {_LONGEST} characters")
    if notation.is_serial:
        return _read_serial(plain)
    plain = re.sub(r"^(\d{4})\.0+$", r"\1", plain)  # a year as a number with decimals
    for form in (_ISO, _COMPACT, _MONTH_YEAR, _EAST_ASIAN):
        match = form.fullmatch(plain)
        if match:
            parts = match.groupdict()
            return _format_date(parts["year"], parts["month"], parts.get("day"))
    match = _NUMBERS.fullmatch(plain)
    if match:
        return _order_numbers(match, notation.language)
    return _read_named(plain) or _read_year(plain)


def _read_serial(text: str) -> str:
    match = _SERIAL.fullmatch(text)
    if not match or not 0 < int(match[1]) <= _LAST_SERIAL:
        raise Invalid("is no day of a spreadsheet between 1927 and 2099")
    return (_EXCEL + timedelta(days=int(match[1]))).isoformat()


def _read_named(text: str) -> str | None:
    """A date with the name of a month; None where there is none, or where several years are printed."""
    if len(set(re.findall(r"\d{4}", text))) > 1:
        return None
    for pattern in _NAMED:
        for match in pattern.finditer(text.casefold()):
            month = _list_months().get(match["name"])
            if month:
                return _format_date(match["year"], str(month), match.groupdict().get("day"))
    return None


def _read_year(text: str) -> str:
    """The only number of the text, when it is a year; 1999/2000 is none."""
    years = _YEAR.findall(text)
    if len(years) != 1 or len(re.findall(r"\d+", text.replace(".0", ""))) != 1:
        raise Invalid("is no date of a known form")
    return _format_date(years[0], None, None)


def _order_numbers(match: re.Match[str], language: str) -> str:
    first, second, year = match[1], match[2], match["year"]
    order = _find_order(language)
    if order is None and first != second:
        if int(first) > 12:
            order = "day_first"
        elif int(second) > 12:
            order = "month_first"
        else:
            raise Invalid("may be day first or month first; declare the source's `language`, such as en-GB")
    if order == "month_first":
        return _format_date(year, first, second)
    return _format_date(year, second, first)


def _find_order(language: str) -> str | None:
    """`day_first` or `month_first` by the language with its region, else by the language."""
    for name in (language.replace("_", "-"), language.replace("_", "-").partition("-")[0]):
        for order in ("day_first", "month_first"):
            if name in load_words("months")[order]["languages"]:
                return order
    return None


def _format_date(year: str, month: str | None, day: str | None) -> str:
    """The date; month and day of zeros are unknown, as databases print them.

    Raises: Invalid for a date that the calendar doesn't have, and a year outside 1000 to 2099.
    """
    day = day if day and int(day) else None
    month = month if month and (int(month) or day) else None
    if not 1000 <= int(year) <= 2099:
        raise Invalid("has no year from 1000 to 2099")
    try:
        exact = date(int(year), int(month or 1), int(day or 1))
    except ValueError as error:
        raise Invalid("is no date of the calendar") from error
    return exact.isoformat()[: 10 if day else 7 if month else 4]


@cache
def _list_months() -> dict[str, int]:
    """Number of each name of a month in any language."""
    return {
        name: number
        for months in load_words("months")["names"].values()
        for number, names in enumerate(months, start=1)
        for name in names
    }
