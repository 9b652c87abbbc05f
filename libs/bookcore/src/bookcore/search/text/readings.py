"""The readings of a text: as written, with second spellings of letters, and with numbers in digits."""

from bookcore.search.text.folding import rewrite_letters
from bookcore.search.text.numbers import read_numbers
from bookcore.search.text.words import tokenize

MAX_CHARACTERS = 200
"""Of typed text; the rest is ignored."""
MAX_WORDS = 32

Reading = tuple[str, ...]


def read_text(text: str) -> list[Reading]:
    """One to three different lists of words; the first is the text as written.

    A book and a query match when one reading of the book meets one of the query: `Đavo` is read as `davo` and
    `djavo`, `Slaughterhouse-Five` as `slaughterhouse five` and `slaughterhouse 5`.
    """
    plain = tokenize(text)
    second = rewrite_letters(text)
    found = [plain, tokenize(second) if second != text else plain, read_numbers(plain)]
    return [words for words in dict.fromkeys(map(tuple, found)) if words]


def tokenize_query(text: str) -> list[str]:
    """The words of typed text, within the limits above."""
    return tokenize(text[:MAX_CHARACTERS])[:MAX_WORDS]
