"""The parts of one name: surname first, suffixes, dates of a life, names of bodies."""

import re
from functools import cache

from booksources.cleaning.words import list_words

_DATES = re.compile(
    r",?\s*\(?(?:(?:b|d|ca|fl)\.? ?)?(?:ca\. ?|approximately )?\d{3,4}\??(?: ?BCE?)?"
    r"(?:\s?[-\u2013]\s?(?:ca\. ?)?(?:\d{3,4}\??(?: ?BCE?)?)?)?\)?(?=,|;|$|\s*[\(\[])"
)
_BRACKETS = re.compile(r"\([^()]*\)")
_SUFFIX_COMMA = re.compile(r",\s*([^,]+?)(?=\s*(?:,|$))")
_GIVEN = 4  # most words of given names


def is_suffix(word: str) -> bool:
    """Whether a part between commas belongs to the name before it: Jr., III, Ph.D., Inc."""
    return word.strip().casefold() in _list("suffix")


def is_nobody(text: str) -> bool:
    """Whether a text says that no person is named."""
    return not text or text.casefold() in _list("nobody")


def is_body(text: str) -> bool:
    """Whether a text names a company or another body."""
    return bool(_compile_body().search(text))


def join_suffixes(text: str) -> str:
    """The text without the commas before suffixes."""
    return _SUFFIX_COMMA.sub(lambda match: f" {match[1]}" if is_suffix(match[1]) else match[0], text)


def strip_dates(text: str) -> str:
    """The text without the dates of a life, as catalogues print them: `Jefferson, Thomas, 1743-1826`."""
    return _DATES.sub("", text)


def is_inverted(text: str) -> bool:
    """Whether a text looks like one name with the surname first: `Smith, John, Jr.`, `von Goethe, J. W.`"""
    bare = _BRACKETS.sub("", strip_dates(text))
    parts = [part.strip() for part in join_suffixes(bare).split(",")]
    if len(parts) != 2 or not all(parts) or is_body(text):
        return False
    surname = [word for word in parts[0].split() if word.casefold() not in _list("particle")]
    given = [word for word in parts[1].split() if word.casefold() not in _list("particle")]
    is_surname = len([word for word in surname if not is_suffix(word)]) == 1
    return is_surname and 1 <= len(given) <= _GIVEN and all(not word[0].islower() for word in given)


def order_name(text: str) -> str:
    """A name with the surname first in the order in which it is spoken; suffixes stay last, and what
    initials stand for, in brackets, is left out.
    """
    surname, *rest = [" ".join(_BRACKETS.sub("", part).split()) for part in text.split(",")]
    suffixes = [part for part in rest if is_suffix(part)]
    given = [part for part in rest if not is_suffix(part)]
    return " ".join([*given, surname, *suffixes])


@cache
def _list(table: str) -> frozenset[str]:
    return frozenset(list_words("people", table))


@cache
def _compile_body() -> re.Pattern[str]:
    words = sorted(_list("body"), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", re.IGNORECASE)
