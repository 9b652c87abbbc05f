"""Codes and names of languages become one code."""

from collections import Counter

import pytest

from bookcore.domain.languages import _list_codes, normalise_language


@pytest.mark.parametrize(
    ("printed", "code"),
    [
        ("en", "en"),
        ("eng", "en"),
        ("ENG", "en"),
        ("English", "en"),
        (" english ", "en"),
        ("en-GB", "en"),
        ("en_US", "en"),
        ("ger", "de"),
        ("deu", "de"),
        ("Deutsch", "de"),
        ("zh-Hant-TW", "zh"),
        ("srp", "sr"),
        ("Srpski", "sr"),
        ("日本語", "ja"),
        ("old  english", "ang"),
        ("Klingon", "Klingon"),
        ("English-Spanish", "English-Spanish"),
        ("x-private", "x-private"),
    ],
)
def test_language_has_one_code(printed: str, code: str) -> None:
    assert normalise_language(printed) == code


def test_no_word_means_two_languages() -> None:
    meanings = Counter(word for word, _ in set(_list_codes()))
    assert [word for word, count in meanings.items() if count > 1] == []
