"""What becomes of text before any engine sees it: pure, and the same for every engine.

Both engines index the space-separated tokens made here with nothing but a whitespace analyzer.
"""

import re
from unicodedata import combining, normalize

_LETTERS = str.maketrans(  # what no decomposition takes apart; \u0131 is the i without a dot
    {"đ": "d", "ð": "d", "ħ": "h", "\u0131": "i", "ł": "l", "ø": "o", "œ": "oe", "æ": "ae", "þ": "th"}
)
_APOSTROPHES = re.compile("['\u2019\u02bc`]")
_WORD = re.compile(r"[^\W_]+")
MAX_CHARACTERS = 200
MAX_TOKENS = 32


def fold(text: str) -> str:
    """Case and accents taken away: `Číž` and `CIZ` are one, ß is ss, đ is d."""
    decomposed = normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not combining(c)).translate(_LETTERS)


def tokens(text: str) -> list[str]:
    """Folded words and numbers in order; an apostrophe joins (`women's` -> `womens`)."""
    return _WORD.findall(_APOSTROPHES.sub("", fold(text)))


def query_tokens(text: str) -> list[str]:
    """The tokens of what a person typed, at most 32 of the first 200 characters."""
    return tokens(text[:MAX_CHARACTERS])[:MAX_TOKENS]
