"""Evidence of what a column holds: the words of its name, and its values as the cleaning reads them."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

from bookcore.domain.errors import Invalid
from bookcore.domain.web_address import is_web_address
from booksources.cleaning.dates import DateNotation, detect_date_notation, read_date
from booksources.cleaning.isbn import has_check_digit, read_isbn
from booksources.cleaning.price_text import fold_price, list_amounts, split_price
from booksources.cleaning.stock import read_stock
from booksources.cleaning.units import format_dimensions, format_weight
from booksources.cleaning.words import load_words
from booksources.tables.values import read_average, read_count, read_measure

_LONGEST = 300  # characters of a value that is looked at
_NOTHING = frozenset(
    {
        "",
        "nan",
        "none",
        "null",
        "n/a",
        "na",
        "-",
        "--",
        "unknown",
        "coming soon",
        "no information",
        "not available",
    }
)
_LETTERS = re.compile(r"[^\W\d_]{2}")


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name, and the values of a sample that are not empty."""

    name: str
    values: Sequence[str]

    @property
    def words(self) -> str:
        """The name as lower-case words without signs: `Price Starting With ($)` is `price starting with`."""
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", self.name)
        plain = unicodedata.normalize("NFKD", spaced.replace("\u0142", "l").replace("\u0111", "d"))
        letters = "".join(c for c in plain.lower() if not unicodedata.combining(c))
        return " ".join(re.findall(r"[^\W_]+", letters))

    def measure_share(self, is_valid: Callable[[str], bool]) -> float:
        """Share of the values that are valid; 0 without values."""
        return sum(map(is_valid, self.values)) / len(self.values) if self.values else 0.0


def has_value(text: str) -> bool:
    """Whether a cell states something."""
    return text.strip().lower() not in _NOTHING


def score_name(words: str, field: str) -> float:
    """0 to 1: how well a name fits the field; 1 for the likeliest name of its column."""
    known = load_columns()[field]
    names = known["names"]
    for place, name in enumerate(names):
        if words in (name, name.replace(" ", "")):
            return 1.0 - 0.3 * place / len(names)
    if not set(words.split()).isdisjoint(known.get("not", ())):
        return 0.0
    for place, name in enumerate(names):
        if f" {name} " in f" {words} ":
            return 0.6 - 0.3 * place / len(names)
    return 0.0


@cache
def load_columns() -> dict[str, dict[str, list[str]]]:
    """Words of column names by field."""
    return dict(load_words("columns"))


def score_values(column: Column, field: str) -> float:
    """0 to 1: share of the values that fit the field; 1 for a field of any text."""
    if not column.values:
        return 0.0
    if field == "published":
        notation = detect_date_notation(column.values, "en-GB")
        return max(
            column.measure_share(partial(_can_read, partial(read_date, notation=each)))
            for each in (notation, DateNotation("en-US"))
        )
    check = _CHECKS.get(field)
    return column.measure_share(check) if check else 1.0


def _can_read(read: Callable[[str], object], text: str) -> bool:
    try:
        return read(text[:_LONGEST]) is not None
    except Invalid:
        return False


def has_amount(text: str) -> bool:
    """Whether a text prints one amount or two."""
    return len(text) < 80 and len(list_amounts(split_price(fold_price(text)))) in (1, 2)


def is_average(text: str) -> bool:
    """Whether a text is a mean of stars: 4.3, 0, `4.0 out of 5 stars`."""
    return len(text) < 60 and (text.strip() in ("0", "0.0", "0.00") or _can_read(read_average, text))


def is_proven_isbn(text: str) -> bool:
    """Whether a text is an ISBN with all of its digits."""
    return has_check_digit(re.sub(r"[^0-9Xx]", "", text).upper()) and len(text) < 30


def _is_whole_star(text: str) -> bool:
    return text.strip().lower() in ("1", "2", "3", "4", "5", "one", "two", "three", "four", "five")


def _is_text(text: str) -> bool:
    return bool(_LETTERS.search(text)) and not text.startswith("http")


def _is_short_text(text: str) -> bool:
    return _is_text(text) and len(text) < 100


def _is_pages(text: str) -> bool:
    return len(text) < 40 and _can_read(read_count, text) and int(read_count(text)) < 10_000


def _is_code(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z]{3}", text.strip()))


_CHECKS: dict[str, Callable[[str], bool]] = {
    "isbn": partial(_can_read, read_isbn),
    "url": is_web_address,
    "image_url": is_web_address,
    "title": lambda text: not text.startswith("http"),
    "authors": _is_text,
    "price": has_amount,
    "currency": _is_code,
    "pages": _is_pages,
    "average_rating": is_average,
    "rating": _is_whole_star,
    "reviews": lambda text: len(text) < 60 and _can_read(read_count, text),
    "language": lambda text: len(text) < 60 and bool(_LETTERS.search(text)),
    "publisher": _is_text,
    "format": _is_short_text,
    "edition": lambda text: len(text) < 100,
    "category": _is_text,
    "subjects": _is_text,
    "description": lambda text: bool(_LETTERS.search(text)),
    "dimensions": partial(_can_read, partial(read_measure, unit="cm", convert=format_dimensions)),
    "weight": partial(_can_read, partial(read_measure, unit="g", convert=format_weight)),
    "availability": partial(_can_read, read_stock),
}
