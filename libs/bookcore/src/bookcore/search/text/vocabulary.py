"""Words that say little: articles and prepositions, and words about books that are no part of a title."""

from functools import lru_cache


def _list_words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LIGHT = _list_words(
    "a an the and or of in on at to for from with by is it its as i u na za od do se je sa iz o der die das"
    " und le la les de du des et el los las y e il"
)
"""Match where they stand, but are not asked for."""
NOISE = _list_words(
    "book books novel novels pdf epub mobi ebook ebooks kindle audiobook audible paperback hardcover hardback"
    " edition by author title isbn online free download read buy knjiga knjige roman romani"
)
"""Typed beside a title, seldom a part of it."""


def is_light(word: str) -> bool:
    """Whether a book may lack this typed word."""
    return word in LIGHT or word in NOISE


@lru_cache(maxsize=20_000)
def weigh_word(word: str) -> float:
    """What a word says, 0.1 to 1: longer words are rarer, and the same in every index."""
    if word in LIGHT:
        return 0.12
    if word in NOISE:
        return 0.1
    if word[0].isdigit():
        return 0.7
    return min(1.0, 0.4 + 0.1 * len(word))
