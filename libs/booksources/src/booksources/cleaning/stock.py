"""Printed availability: `Only 3 left`, `Sold out`, `https://schema.org/PreOrder`, `22`."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from bookcore.domain.book import AvailabilityStatus
from bookcore.domain.errors import Invalid
from booksources.cleaning.words import list_words

_LONGEST = 200  # characters
_STATES = ("in_stock", "out_of_stock", "preorder", "unclear")
_SCHEMA = re.compile(r"https?://(?:www\.)?schema\.org/", re.IGNORECASE)
_NEGATIVE = re.compile(r"(?<![\w-])-\d")
_COUNT = r"(?<![\d.,+])(?P<count>\d{1,3}(?:[,.]\d{3})+|\d{1,9})(?![\d.,]*\d)(?P<more>\+?)"


@dataclass(frozen=True, slots=True)
class PrintedStock:
    """A state of AvailabilityStatus, and the number of copies where it is printed."""

    availability: str
    quantity: str | None = None


def read_stock(text: str) -> PrintedStock:
    """The one state that the text states, in any of the languages of `words/stock.toml`.

    Raises: Invalid when it states none or several.
    """
    folded = _fold(text)
    if len(folded) > _LONGEST:
        raise Invalid(f"is longer than {_LONGEST} characters")
    if _NEGATIVE.search(folded):
        raise Invalid("states a negative number of copies")
    whole = _read_whole(folded)
    if whole is not None:
        return whole
    found = _find_states(folded)
    count = _find_count(folded)
    if not found and count is not None:
        found = {AvailabilityStatus.IN_STOCK.value}
    if len(found) != 1 or "unclear" in found:
        raise Invalid("states several availabilities" if len(found) > 1 else "is no known availability")
    (state,) = found
    if count == 0 and state == AvailabilityStatus.IN_STOCK:
        return PrintedStock(AvailabilityStatus.OUT_OF_STOCK.value, "0")
    return PrintedStock(state, None if count is None else str(count))


def _fold(text: str) -> str:
    plain = _SCHEMA.sub("", unicodedata.normalize("NFKC", text)).casefold()
    return " ".join(plain.replace("\u2019", "'").replace("\u2010", "-").replace("\u2011", "-").split())


def _read_whole(text: str) -> PrintedStock | None:
    """The state of a whole text: a state's own name, a number of copies, yes or no."""
    bare = text.strip(" .!")
    if bare in (status.value for status in AvailabilityStatus):
        return PrintedStock(bare)
    if re.fullmatch(r"\d{1,9}(?:\.0+)?", bare, re.ASCII):
        count = int(bare.partition(".")[0])
        state = AvailabilityStatus.IN_STOCK if count else AvailabilityStatus.OUT_OF_STOCK
        return PrintedStock(state.value, str(count))
    if bare in list_words("stock", "yes"):
        return PrintedStock(AvailabilityStatus.IN_STOCK.value)
    if bare in list_words("stock", "no"):
        return PrintedStock(AvailabilityStatus.OUT_OF_STOCK.value)
    return None


def _find_states(text: str) -> set[str]:
    """States of the text; a match hides the shorter ones inside of it."""
    return {_get_state(match) for match in _compile_states().finditer(text)}


def _get_state(match: re.Match[str]) -> str:
    if match["negated"] is not None:
        return AvailabilityStatus.OUT_OF_STOCK.value
    return _list_states()[match["phrase"]]


@cache
def _list_states() -> dict[str, str]:
    """State of each phrase, the longest first."""
    states = {word: state for state in _STATES for word in list_words("stock", state)}
    return {word: states[word] for word in sorted(states, key=len, reverse=True)}


@cache
def _compile_states() -> re.Pattern[str]:
    phrases = "|".join(map(re.escape, _list_states()))
    positive = _join("in_stock")
    negation = _join("not")
    return re.compile(rf"(?<!\w)(?:(?P<phrase>{phrases})|(?P<negated>(?:{negation}) (?:{positive})))(?!\w)")


def _find_count(text: str) -> int | None:
    """The number of copies, when exactly one is printed; `10+` is no number."""
    found = [match for pattern in _compile_counts() for match in pattern.finditer(text)]
    counts = {re.sub(r"\D", "", match["count"]) for match in found}
    is_exact = not any(match["more"] or match["least"] for match in found)
    return int(counts.pop()) if len(counts) == 1 and is_exact else None


@cache
def _compile_counts() -> tuple[re.Pattern[str], re.Pattern[str]]:
    least = rf"(?P<least>(?<!\w)(?:{_join('inexact')}) ?)?"
    after = re.compile(rf"{least}{_COUNT} ?(?:{_join('copies')})(?!\w)")
    before = re.compile(
        rf"(?<!\w)(?:{_join('count')}) ?:? ?\(?{least}{_COUNT}(?=\)|$| ?(?:{_join('copies')}))"
    )
    return after, before


def _join(table: str) -> str:
    return "|".join(map(re.escape, sorted(list_words("stock", table), key=len, reverse=True)))
