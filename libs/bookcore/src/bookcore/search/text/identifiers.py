"""Recognises ISBN-10, ISBN-13, EAN and UPC by their check digits."""

import re
from collections.abc import Iterator

from bookcore.domain.printed_details import convert_to_isbn13
from bookcore.search.text.folding import fold

MAX_KEY = 200
"""Characters of an identifier; the rest is ignored."""

_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_LABEL = re.compile(r"\b(?:isbn|ean|upc|gtin)(?:[\s-]?1[0-4](?=\D))?\b[\s:#.\-=]*", re.IGNORECASE)
_CODE = re.compile(r"(?<![\w-])[0-9](?:[ \u2010-\u2015-]?[0-9]){6,12}(?:[ \u2010-\u2015-]?[Xx])?(?![\w-])")
_SHORTEST = 8
"""Digits: two leading zeros of an ISBN-10 may be lost."""


def make_identifier_key(text: str) -> str:
    """An id, UPC or ISBN without case, spaces and hyphens: letters and digits only, at most 200."""
    return _NOT_ALPHANUMERIC.sub("", fold(text[:MAX_KEY]))


def make_product_key(text: str) -> str | None:
    """The key of one checked product code: 13 digits, an ISBN-10 and a UPC included, lost zeros restored.

    None when the check digit is wrong or the text is something else.
    """
    digits = make_identifier_key(text)
    if len(digits) < _SHORTEST or not digits[:-1].isdigit() or not digits.isascii():
        return None
    if len(digits) <= 10 and (isbn := convert_to_isbn13(digits.upper().zfill(10))):
        return isbn
    if 11 <= len(digits) <= 13 and digits.isdigit() and _has_check_digit(digits.zfill(13)):
        return digits.zfill(13)
    return None


def find_product_codes(text: str) -> tuple[tuple[str, ...], bool]:
    """The keys of the codes in typed text, and whether there is nothing else beside them and their labels."""
    plain = _LABEL.sub(" ", text)
    whole = make_product_key(plain)
    if whole is not None:
        return (whole,), True
    keys = tuple(dict.fromkeys(_find_keys(plain)))
    return keys, False


def _find_keys(text: str) -> Iterator[str]:
    for code in _CODE.findall(text):
        key = make_product_key(code)
        if key is not None and len(make_identifier_key(code)) >= 10:  # a shorter number is rarely a code
            yield key


def _has_check_digit(thirteen: str) -> bool:
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(thirteen)) % 10 == 0
