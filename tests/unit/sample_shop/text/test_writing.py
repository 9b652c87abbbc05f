"""Titles, slugs and what a card prints of them."""

import pytest

from sample_shop.chance import Dice
from sample_shop.text import words, writing


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("São Bento's Đakovo", "sao-bentos-dakovo"),
        ("Maps & Wayfinding", "maps-wayfinding"),
        ("The Art of Rowing: Lessons from Tromsø", "the-art-of-rowing-lessons-from-tromso"),
    ],
)
def test_slug_is_plain_ascii(text: str, slug: str) -> None:
    assert writing.make_slug(text) == slug


def test_slug_keeps_every_accented_letter_as_ascii() -> None:
    for word in (*words.PLACES, *words.FIRST_NAMES, *words.CATEGORIES):
        letters = sum(map(str.isalnum, word))
        assert len(writing.make_slug(word).replace("-", "")) == letters


def test_card_prints_four_words_at_most() -> None:
    assert writing.shorten_title("The Ferry of Ghent") == "The Ferry of Ghent"
    assert writing.shorten_title("The Ferry of São Bento") == "The Ferry of São ..."


def test_every_pattern_can_be_filled() -> None:
    texts = [writing.write_title(Dice(n)) + writing.write_blurb(Dice(n)) for n in range(2000)]
    assert not any("{" in text for text in texts)
