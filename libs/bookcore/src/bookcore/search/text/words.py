"""Splits text into words, symbols such as `c++`, and pairs of Chinese and Japanese characters."""

import re
from collections.abc import Iterator
from unicodedata import category

from bookcore.search.text.folding import fold

_TOKEN = re.compile(
    r"(?<![^\W_])(?:[a-z](?:\+\+|\#)|\.net)(?![^\W_])"  # c++, c#, .net
    r"|[^\W_]+(?:'[^\W_]+)*"
)
_THOUSANDS = re.compile(r"(?<=\d)[.,](?=\d{3}(?!\d))")
_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # scripts without spaces
_UNSPACED_RUN = re.compile(f"([{_UNSPACED}]+)")
_LONGEST_SIGNS = 20


def tokenize(text: str) -> list[str]:
    """Folded words and numbers in order, for a query.

    An apostrophe joins (`womens`), initials are one word (`J. K.` is `jk`), & is `and`, 1,000 is 1000. Text
    without any letter or digit is one word.
    """
    folded = normalise_marks(text)
    found = _join_initials(_split_words(folded.replace("'", "")))
    return found or _take_signs(folded)


def tokenize_for_index(text: str) -> list[str]:
    """Like `tokenize`, plus parts that may be typed alone.

    `women's` gives `womens` and `women`, `J. K.` gives `jk`, `j` and `k`, `c++` gives `c` too, and 猫 in a
    longer run of characters stands alone too.
    """
    found = tokenize(text)
    known = set(found)
    return [*found, *dict.fromkeys(part for part in _list_parts(normalise_marks(text)) if part not in known)]


def normalise_marks(text: str) -> str:
    """Folded, with one kind of apostrophe, & in a word, and no separators of thousands."""
    folded = fold(text).replace("`", "'")
    if "&" in folded:
        folded = folded.replace("&", " and ")
    return _THOUSANDS.sub("", folded) if "," in folded or "." in folded else folded


def _split_words(folded: str) -> list[str]:
    words = _TOKEN.findall(folded)
    if _UNSPACED_RUN.search(folded) is None:
        return words
    return [part for word in words for part in _split_characters(word)]


def _split_characters(word: str) -> Iterator[str]:
    """人間失格 as 人間, 間失, 失格; other scripts stay whole."""
    for n, part in enumerate(_UNSPACED_RUN.split(word)):
        if n % 2 == 0 or len(part) == 1:
            yield from [part] if part else []
        else:
            yield from (part[at : at + 2] for at in range(len(part) - 1))


def _join_initials(words: list[str]) -> list[str]:
    found: list[str] = []
    was_initial = False
    for word in words:
        is_initial = len(word) == 1 and word.isascii() and word.isalpha()
        if is_initial and was_initial:
            found[-1] += word
        else:
            found.append(word)
        was_initial = is_initial
    return found


def _list_parts(folded: str) -> Iterator[str]:
    for word in _TOKEN.findall(folded):
        if word.isalnum() and word.isascii() and len(word) > 1:
            continue
        if len(word) == 1 or word.endswith(("+", "#")):
            yield word[0]
        if "'" in word:
            yield from (part for part in word.split("'") if len(part) > 1)
        if not word.isascii():
            yield from (sign for run in _UNSPACED_RUN.split(word)[1::2] for sign in run)


def _take_signs(folded: str) -> list[str]:
    signs = "".join(c for c in folded if category(c)[0] not in "CZ" and not c.isspace())
    return [signs[:_LONGEST_SIGNS]] if signs else []
