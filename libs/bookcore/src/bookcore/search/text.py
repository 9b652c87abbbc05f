"""Text analysis, pure and the same for every engine.

Engines index the space-separated words made here with a whitespace analyzer only, so that two engines with
the same books find the same ones.
"""

import re
from unicodedata import category, normalize

MAX_CHARACTERS = 200
"""Of typed text; the rest is ignored."""
MAX_WORDS = 32

# Letters that Unicode doesn't decompose into a plain letter and an accent.
_LETTERS = str.maketrans(
    {
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "\u0131": "i",
        "ĸ": "k",
        "ł": "l",
        "ŋ": "ng",
        "ø": "o",
        "œ": "oe",
        "æ": "ae",
        "þ": "th",
        "ŧ": "t",
    }
)
_APOSTROPHES = "\u2018\u2019\u02bb\u02bc\u00b4\u2032\uff07`"
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_DROPPED = ("Mn", "Me", "Cf")  # accents, enclosing marks, invisible characters


class _Folding(dict[int, str]):
    """Code point -> folded text, computed on first use; a loop would be many times slower."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_character(chr(code))
        return folded


_FOLDING = _Folding()


def fold(text: str) -> str:
    """Removes case and accents: `Číž` equals `CIZ`, ß becomes ss, đ becomes d. Idempotent."""
    return text.lower() if text.isascii() else text.translate(_FOLDING)


def tokenize(text: str) -> list[str]:
    """Folded words and numbers in order, for a query; an apostrophe joins: `womens`."""
    return _split_words(_normalize(text).replace("'", ""))


def tokenize_for_index(text: str) -> list[str]:
    """Like `tokenize`, plus the longer parts around an apostrophe: `women's` gives `womens` and `women`."""
    plain = _normalize(text)
    if "'" not in plain:
        return _split_words(plain)
    found: list[str] = []
    for word in _split_words(plain):
        found.append(word.replace("'", ""))
        found += [part for part in word.split("'") if "'" in word and len(part) > 1]
    return found


def tokenize_query(text: str) -> list[str]:
    """The words of typed text, within the limits above."""
    return tokenize(text[:MAX_CHARACTERS])[:MAX_WORDS]


def make_identifier_key(text: str) -> str:
    """An id, UPC or ISBN without case, spaces and hyphens: letters and digits only, at most 200."""
    return _NOT_ALPHANUMERIC.sub("", fold(text[:MAX_CHARACTERS]))


def _normalize(text: str) -> str:
    """Folded, with one kind of apostrophe."""
    return fold(text).replace("`", "'")


def _split_words(folded: str) -> list[str]:
    return _WORD.findall(folded)


def _fold_character(character: str) -> str:
    if character in _APOSTROPHES:
        return "'"  # first: NFKD turns a lone acute accent into a space
    before, after = "", character
    while before != after:
        before = after
        plain = "".join(c for c in normalize("NFKD", before) if category(c) not in _DROPPED)
        after = "".join("'" if c in _APOSTROPHES else c for c in plain.casefold().translate(_LETTERS))
    return after
