"""Titles and blurbs from the grammars in `words`, and the slugs that URLs carry."""

import re
from collections.abc import Mapping

from sample_shop.chance import Dice
from sample_shop.text import patterns, words

PLAIN_LETTERS = str.maketrans("šđãçéčžćöüåøñêíáóúèńõŠĐÉČŽÇÁÓÅØ", "sdaceczcouaoneiaouenoSDECZCAOAO")
NOT_IN_SLUGS = re.compile(r"[^a-z0-9]+")


class _DrawnWords:
    """Makes `str.format_map` draw a word for each field that a pattern names, and none for those it
    does not.
    """

    __slots__ = ("_dice", "_vocabulary")

    def __init__(self, dice: Dice, vocabulary: Mapping[str, tuple[str, ...]]) -> None:
        self._dice = dice
        self._vocabulary = vocabulary

    def __getitem__(self, field: str) -> str:
        return self._dice.pick(self._vocabulary[field])


def write_title(dice: Dice) -> str:
    """Two to eleven words, so that some titles fit on a card and some are cut."""
    return dice.pick(patterns.TITLES).format_map(_DrawnWords(dice, words.TITLE_VOCABULARY))


def write_blurb(dice: Dice) -> str:
    """Three to five sentences; some hold `&`, `<` and quotes, which a page has to escape."""
    first = dice.draw_below(len(patterns.MIDDLES))
    middles = (patterns.MIDDLES + patterns.MIDDLES)[first : first + 1 + dice.draw_below(3)]
    drawn = _DrawnWords(dice, words.PROSE_VOCABULARY)
    sentences = (dice.pick(patterns.OPENINGS), *middles, dice.pick(patterns.ENDINGS))
    return " ".join(sentence.format_map(drawn) for sentence in sentences)


def make_slug(text: str) -> str:
    """Lower-case ASCII words joined by hyphens: "São Bento" -> "sao-bento"."""
    folded = text.translate(PLAIN_LETTERS).lower().replace("'", "")
    return NOT_IN_SLUGS.sub("-", folded).strip("-")


def shorten_title(text: str) -> str:
    """What a card prints: the first four words and " ...", or all of a title that has no more than four."""
    parts = text.split()
    return text if len(parts) <= 4 else " ".join(parts[:4]) + " ..."
