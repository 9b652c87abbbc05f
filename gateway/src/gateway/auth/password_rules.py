"""Which passwords are refused: those that are tried first, and those of less than they seem to be.

A password is worth the number of parts that a guesser needs. A character is one part; a year, a run such as
`1234` or `qwerty`, a repeated character, the product's name and one's own address are one too, however long;
a word that many use as a password is two. `password1234` is three parts.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from unicodedata import normalize

from bookcore.domain.errors import Invalid

_FEWEST_PARTS = 5
_SHORTEST_WORD = 4
_PRODUCT = ("bookstream", "stream", "book")
_RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop[]",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl;",
    "zxcvbnm,./",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "qazwsxedcrfvtgbyhnujmikolp",
    "!@#$%^&*()_+",
    '!"§$%&/()=?',
)
"""Neighbours in the alphabet and on keyboards; also backwards."""
_SHORTEST_RUN = 3
_YEAR = re.compile(r"(?:19|20)\d\d")
_REPEATED = re.compile(r"(.+?)\1+", re.DOTALL)
_LEET = str.maketrans("013457@$!|", "oleastasil")


def check_password(password: str, *, email: str, field: str = "password") -> None:
    """Raises: Invalid with the reason in words."""
    plain = normalize("NFKC", password).casefold()
    if not plain.strip():
        raise Invalid("must not be all spaces; choose words that only you would put together", field=field)
    if email.casefold() in plain or _strip_separators(plain) == _strip_separators(email):
        raise Invalid("must not be your e-mail address; everybody who writes to you knows it", field=field)
    common = _read_common()
    if plain in common or _strip_separators(plain) in common:
        raise Invalid("is one of the passwords that are tried first; choose another", field=field)
    unit = _find_unit(plain)
    if _count_parts(unit, common, _list_names(email)) < _FEWEST_PARTS:
        raise Invalid(_describe(unit, email), field=field)


def _describe(unit: str, email: str) -> str:
    known = _strip_separators(unit.translate(_LEET))
    if any(name in known for name in _PRODUCT[:1]):
        return "is little more than the name of this product; choose words that only you would put together"
    if any(name in known for name in _list_names(email) - set(_PRODUCT)):
        return "is little more than your e-mail address; choose words that only you would put together"
    return (
        "is a common password, repetition, sequence, or little more; "
        "choose several words that only you would put together"
    )


def _find_unit(text: str) -> str:
    """What is repeated, for a text that is nothing but a repetition."""
    repeated = _REPEATED.fullmatch(text)
    return repeated[1] if repeated else text


def _count_parts(text: str, words: frozenset[str], names: frozenset[str]) -> int:
    """The fewest parts that make up the text."""
    fewest = [0] * (len(text) + 1)
    for start in range(len(text) - 1, -1, -1):
        single = (1, *_list_lengths(text, start), *_list_word_lengths(text, start, names))
        double = _list_word_lengths(text, start, words)
        ways = [1 + fewest[start + length] for length in single]
        fewest[start] = min([*ways, *(2 + fewest[start + length] for length in double)])
    return fewest[0]


def _list_word_lengths(text: str, start: int, words: frozenset[str]) -> Iterator[int]:
    for end in range(start + _SHORTEST_WORD, len(text) + 1):
        word = text[start:end]
        if word in words or word.translate(_LEET) in words:
            yield end - start


def _list_lengths(text: str, start: int) -> Iterator[int]:
    """Lengths of the runs, years and repeated characters that begin there."""
    yield from _list_run_lengths(text, start)
    if _YEAR.match(text, start):
        yield 4
    same = len(text) - start - len(text[start:].lstrip(text[start]))
    if same > 1:
        yield same


def _list_run_lengths(text: str, start: int) -> Iterator[int]:
    for run in _list_runs():
        begin = run.find(text[start : start + _SHORTEST_RUN])
        if begin < 0 or start + _SHORTEST_RUN > len(text):
            continue
        length = _SHORTEST_RUN
        while (
            start + length < len(text) and run[begin : begin + length + 1] == text[start : start + length + 1]
        ):
            length += 1
        yield length


@lru_cache(maxsize=1)
def _list_runs() -> Sequence[str]:
    return [direction for run in _RUNS for direction in (run, run[::-1])]


def _list_names(email: str) -> frozenset[str]:
    parts = re.split(r"[^a-z0-9]+", email.casefold())
    local = email.casefold().partition("@")[0]
    names = {*_PRODUCT, *parts, local, _strip_separators(local)}
    return frozenset(name for name in names if len(name) >= _SHORTEST_WORD)


def _strip_separators(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())


@lru_cache(maxsize=1)
def _read_common() -> frozenset[str]:
    """Words and whole passwords; see common_passwords.txt for their source."""
    lines = files("gateway.auth").joinpath("common_passwords.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("# "))
