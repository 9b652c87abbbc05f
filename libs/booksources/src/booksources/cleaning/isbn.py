"""Printed ISBNs, proven by their check digits."""

import re
import unicodedata
from decimal import Decimal

from bookcore.domain.errors import Invalid
from bookcore.domain.printed_details import convert_to_isbn13

_DASHES = dict.fromkeys(map(ord, "\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d"), "-")
_SHAPE = re.compile(r"\d{9}[\dX]|97[89]\d{10}", re.ASCII)
_LABEL = re.compile(r"(?:urn:)?isbn(?:[-_ ]?1[03](?!\d))?", re.IGNORECASE)
_SCIENTIFIC = re.compile(r"(\d(?:[.,]\d+)?)e\+?(\d{1,2})", re.IGNORECASE)
_LONG = re.compile(r"(?<![\dX])97[89](?:[- ]?\d){10}(?![\dX])")
_SHORT = re.compile(r"(?<![\dX])\d(?:[- ]?\d){8}[- ]?[\dX](?![\dX])")
_MARKS = re.compile(r"[-./ ]")
_LONGEST = 200  # characters


def read_isbn(text: str) -> str:
    """The 10 or 13 digits, the longer where both are printed.

    Nine digits, or eight and seven, lost their leading zeros when their check digit is right with them.
    Scientific notation is read when it holds all digits. Raises: Invalid with the reason.
    """
    digits = _read_digits(_fold(text))
    if len(set((convert_to_isbn13(digits) or digits)[3:12])) == 1:
        raise Invalid("stands for no ISBN: all its digits are equal")
    return digits


def _read_digits(plain: str) -> str:
    whole = _read_lost_digits(plain) or _read_divided(plain)
    if whole is not None:
        return whole
    long = {_strip_hyphens(match[0]) for match in _LONG.finditer(plain)}
    short = {_strip_hyphens(match[0]) for match in _SHORT.finditer(_LONG.sub(" ", plain))}
    valid = {each for each in long | short if has_check_digit(each)}
    books = {convert_to_isbn13(each) for each in valid}
    if len(books) > 1:
        raise Invalid("holds several ISBNs")
    if not books:
        raise Invalid("has a wrong check digit" if long or short else "is no ISBN of 10 or 13 digits")
    return max(valid, key=len)


def has_check_digit(digits: str) -> bool:
    """Whether 10 or 13 digits (X for ten in the last place of 10) are an ISBN with a right check digit."""
    return _SHAPE.fullmatch(digits) is not None and convert_to_isbn13(digits) is not None


def _fold(text: str) -> str:
    if len(text) > _LONGEST:
        raise Invalid(f"is longer than {_LONGEST} characters")
    plain = unicodedata.normalize("NFKC", text).translate(_DASHES)
    return " ".join(_LABEL.sub(" ", plain).strip(" =\"'\t:").split()).upper()


def _read_lost_digits(text: str) -> str | None:
    """The ISBN of one number as spreadsheets print it; None for other texts."""
    number = _SCIENTIFIC.fullmatch(text)
    if number:
        return _read_scientific(number)
    digits = re.sub(r"\.0+$", "", text)
    if not re.fullmatch(r"\d{6,8}[\dX]", digits, re.ASCII):
        return None if digits == text else _require_check_digit(digits)
    padded = digits.zfill(10)
    if not has_check_digit(padded):
        raise Invalid(f"has {len(digits)} digits, and no ISBN by its check digit with zeros before them")
    return padded


def _read_divided(text: str) -> str | None:
    """The ISBN of a text that is nothing but digits with marks between them; None for other texts."""
    digits = _MARKS.sub("", text)
    return digits if _SHAPE.fullmatch(digits) and has_check_digit(digits) else None


def _read_scientific(number: re.Match[str]) -> str:
    mantissa, exponent = number[1].replace(",", "."), int(number[2])
    if len(mantissa) - 2 < exponent or exponent > 12:
        raise Invalid("is in scientific notation and has lost digits")
    return _require_check_digit(str(int(Decimal(f"{mantissa}E{exponent}"))).zfill(10))


def _require_check_digit(digits: str) -> str:
    if not has_check_digit(digits):
        raise Invalid("has a wrong check digit")
    return digits


def _strip_hyphens(text: str) -> str:
    return text.replace("-", "").replace(" ", "")
