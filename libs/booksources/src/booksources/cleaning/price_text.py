"""The parts of a printed price: amounts with the marks of currencies beside them, and the text around."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from booksources.cleaning.currency import CurrencyMark, find_code, find_sign, list_signs
from booksources.cleaning.words import list_words

_NUMBER = r"[.,]?[0-9]+(?:[.,'\u2019][0-9]+| [0-9]{3}(?![0-9]))*"
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d"), "-")
_NO_CENTS = re.compile(r"(?<=\d)[.,:/] ?-{1,2}(?! ?\d)")  # 12.- and 99,- and 99:- and 99/-
_INEXACT = frozenset("<>\u2264\u2265\u2248~\u00b1\u2243\u223c")
_LETTER = r"[^\W\d_]"


@dataclass(frozen=True, slots=True)
class PricePart:
    """A number, mark of a currency, word or other character, with its place in the text."""

    kind: str
    text: str
    start: int
    end: int
    mark: CurrencyMark | None = None


@dataclass(frozen=True, slots=True)
class PricedAmount:
    """A number with its marks; `start` and `end` include them, `is_negative` says that a minus is before.

    `fault`: why it can't be an amount of money, empty if it can.
    """

    text: str
    marks: tuple[CurrencyMark, ...]
    start: int
    end: int
    is_negative: bool = False
    fault: str = ""


def fold_price(text: str) -> str:
    """The text with plain spaces, digits and dashes; `12.-` is 12."""
    plain = " ".join(unicodedata.normalize("NFKC", text).translate(_DASHES).split())
    return _NO_CENTS.sub("", plain)


@cache
def _compile_parts() -> re.Pattern[str]:
    signs = "|".join(_compile_sign(sign) for sign in sorted(list_signs(), key=len, reverse=True))
    return re.compile(rf"(?P<sign>{signs})|(?P<number>{_NUMBER})|(?P<word>{_LETTER}+)|(?P<other>\S)")


def _compile_sign(sign: str) -> str:
    """Pattern of a sign: `US$` and `us $`; its letters are no part of a word.

    Letters alone, and one letter, are of either case unless the sign is printed in capitals.
    """
    before = rf"(?<!{_LETTER})" if sign[0].isalpha() else ""
    after = rf"(?!{_LETTER})" if sign[-1].isalpha() else ""
    is_country = re.fullmatch("[A-Za-z]+[$]", sign) is not None
    flag = "" if sign.upper() == sign and not (is_country and len(sign) > 2) else "i"
    spaced = f"{re.escape(sign[:-1])} ?[$]" if is_country else re.escape(sign)
    return f"(?{flag}:{before}{spaced}{after})"


def split_price(text: str) -> list[PricePart]:
    """Parts of a folded text."""
    return [_read_part(match) for match in _compile_parts().finditer(text)]


def _read_part(match: re.Match[str]) -> PricePart:
    kind, text = match.lastgroup or "other", match[0]
    mark = find_sign(text) if kind == "sign" else find_code(text) if kind == "word" else None
    return PricePart("mark" if mark else kind, text, match.start(), match.end(), mark)


def list_amounts(parts: Sequence[PricePart]) -> list[PricedAmount]:
    """Every number of a price with the marks directly around it."""
    return [_read_amount(parts, at) for at, part in enumerate(parts) if part.kind == "number"]


def _read_amount(parts: Sequence[PricePart], at: int) -> PricedAmount:
    first = last = at
    while first and parts[first - 1].kind == "mark":
        first -= 1
    while last + 1 < len(parts) and parts[last + 1].kind == "mark":
        last += 1
    marks = tuple(part.mark for part in parts[first : last + 1] if part.mark)
    fault = _find_fault(parts, first, last)
    return PricedAmount(
        parts[at].text,
        marks,
        parts[first].start,
        parts[last].end,
        is_negative=_has_minus(parts, first, at),
        fault=fault,
    )


def _has_minus(parts: Sequence[PricePart], first: int, at: int) -> bool:
    """Whether a minus, not the dash of a range or after a word, stands before the amount or its sign."""
    if any(part.kind == "number" for part in parts[:first]):
        return False
    for place in {first, at}:
        before = parts[place - 1] if place else None
        if before and before.text == "-" and (before.end == parts[place].start or place == 1):
            return True
    last = parts[at + 1] if at + 1 < len(parts) else None
    return bool(last and last.text == "-" and last.start == parts[at].end and at + 2 == len(parts))


def _find_fault(parts: Sequence[PricePart], first: int, last: int) -> str:
    before = parts[first - 1] if first else None
    after = parts[last + 1] if last + 1 < len(parts) else None
    sign = next((each.text for each in (before, after) if each and is_currency_symbol(each.text)), None)
    if sign:
        return f"{sign!r} is no sign of a currency of ISO 4217"
    if before and before.text in _INEXACT:
        return f"{before.text!r} stands before the amount"
    if before and before.end == parts[first].start and before.kind == "word" and not is_label(before.text):
        return f"{before.text + parts[first].text!r} is no sign of a currency"
    if after and after.kind == "word":
        if after.start == parts[last].end:
            return f"{parts[last].text + after.text!r} is no amount of money"
        if is_like_code(after.text):
            return f"{after.text!r} is no currency code of ISO 4217"
    if after and after.text in ("/", "%"):
        return f"{after.text!r} follows the amount"
    if before and is_like_code(before.text) and parts[first].kind == "number":
        return f"{before.text!r} is no currency code of ISO 4217"
    return ""


def is_currency_symbol(text: str) -> bool:
    """Whether a character is a symbol of a currency, known or not."""
    return len(text) == 1 and unicodedata.category(text) == "Sc"


def is_like_code(word: str) -> bool:
    """Whether a word is three capital letters and no label of prices."""
    return bool(re.fullmatch("[A-Z]{3}", word)) and not is_label(word)


def is_label(word: str) -> bool:
    """Whether a word stands beside prices."""
    return word.lower() in _list_labels()


@cache
def _list_labels() -> frozenset[str]:
    tables = ("label", "note", "without_tax", "from")
    return frozenset(word for table in tables for word in list_words("prices", table))
