"""Ranks candidates by how well the typed words meet a book's words. Pure, and the same above every engine.

The quality of a match is 0 to 1: the mean, weighed by what a word says, of how well each typed word is met,
or the likeness of title and text without spaces, whichever is higher. A score adds how exactly a title is
named, and how popular the book is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import mul

from rapidfuzz.distance import OSA

from bookcore.search import Judgement, WordMatch
from bookcore.search.cards import MAX_POPULARITY, Card
from bookcore.search.text import is_light, weigh_word

FLOOR = 0.7
"""Of quality: below it a book is no hit, and only the ladder speaks."""
EXACT = 0.985
"""From this quality on every typed word is there as it is."""
_NEAR_EXACT = 0.93
_NEAR_BEST = 0.16
_TITLE_BONUS = 0.16
_POPULARITY_BONUS = 0.3
_SERIES_SHARE = 0.97
_PEOPLE_SHARE = 0.6
_MIN_COMPACT = 4
_PAIR_LIKENESS = 0.97


NO_JUDGEMENT = Judgement(0.0, 0.0, 0.0, 0, (), "none")


class _Likenesses(dict[str, float]):
    """A book's word -> how well one typed word is met by it, computed once per query."""

    def __init__(self, typed: str, *, is_prefix: bool) -> None:
        super().__init__()
        self._typed = typed
        self._length = len(typed)
        self._is_prefix = is_prefix

    def __missing__(self, other: str) -> float:
        apart = len(other) - self._length
        if not self._is_prefix and (apart > 2 or apart < -2):  # most words: not worth the call
            likeness = 0.0
        else:
            likeness = compare_words(self._typed, other, is_prefix=self._is_prefix)
        self[other] = likeness
        return likeness


@dataclass(frozen=True, slots=True)
class _Terms:
    """One reading of the query with weights; `prefix` says whether the last word is unfinished."""

    words: tuple[str, ...]
    weights: tuple[float, ...]
    total: float
    joined: str
    prefix: bool
    likenesses: tuple[_Likenesses, ...]


class Ranker:
    """Judges books for one query."""

    def __init__(self, readings: Sequence[tuple[str, ...]], *, is_unfinished: bool) -> None:
        self._terms = [_weigh(words, prefix=is_unfinished) for words in readings]

    def judge(self, card: Card) -> Judgement:
        """The best judgement among the readings of the query."""
        fields = _split_fields(card)
        found = [_judge_reading(terms, card, fields) for terms in self._terms]
        return max(found, key=lambda each: each.score, default=NO_JUDGEMENT)


def _judge_reading(terms: _Terms, card: Card, fields: "_Fields") -> Judgement:
    matches = tuple(
        _match_word(word, met, fields) for word, met in zip(terms.words, terms.likenesses, strict=True)
    )
    matches = _match_pairs(terms, matches, fields)
    quality = sum(m.likeness * w for m, w in zip(matches, terms.weights, strict=True)) / terms.total
    exactness = _measure_exactness(terms, card, fields) if quality >= FLOOR else 0.0
    edit = "none" if quality >= EXACT else "spelling"
    joined = _compare_joined(terms, card) if quality < 1.0 else 0.0
    if joined > quality:
        quality, exactness, edit = joined, max(exactness, joined * joined), "spacing"
    share = card.popularity / MAX_POPULARITY
    score = quality + _TITLE_BONUS * exactness + _POPULARITY_BONUS * share * quality
    return Judgement(score, quality, exactness, card.popularity, matches, edit)


def _match_word(word: str, met: _Likenesses, fields: "_Fields") -> WordMatch:
    best, found, field = 0.0, "", ""
    for name, words, share in (
        ("title", fields.title, 1.0),
        ("author", fields.people, 1.0),
        ("series", fields.series, _SERIES_SHARE),
    ):
        for other in words if best < share else ():
            likeness = share * met[other]
            if likeness > best:
                best, found, field = likeness, other, name
    if not best and len(word) == 1 and word.isalpha():
        for other in fields.people:
            if other[0] == word:
                return WordMatch(word, other, "author", 0.9)
    return WordMatch(word, found, field, best)


def _match_pairs(terms: _Terms, matches: tuple[WordMatch, ...], fields: "_Fields") -> tuple[WordMatch, ...]:
    """A book's word typed as two, and two of its words typed as one: `mocking bird`, `harrypotter`."""
    found = list(matches)
    for at, match in enumerate(matches):
        if match.likeness >= _PAIR_LIKENESS:
            continue
        if match.typed in fields.pairs:
            found[at] = WordMatch(match.typed, match.typed, "title", _PAIR_LIKENESS)
            continue
        for first in (at - 1, at):
            joined = "".join(terms.words[first : first + 2]) if first >= 0 else ""
            if len(joined) > len(match.typed) and joined in fields.title:
                found[at] = WordMatch(match.typed, joined, "title", _PAIR_LIKENESS)
    return tuple(found)


def _measure_exactness(terms: _Terms, card: Card, fields: "_Fields") -> float:
    """How far the query is one title (alone or with its author), or a series and its number."""
    best = max((_measure_cover(terms, title, fields.people) for title in fields.titles), default=0.0)
    for series in fields.series_names:
        number = (card.number,) if card.number else ()
        best = max(best, _measure_cover(terms, (*series, *number), ()) * (1.0 if number else 0.8))
    for name in fields.names:
        best = max(best, _PEOPLE_SHARE * _measure_cover(terms, name, ()))
    return best


def _measure_cover(terms: _Terms, words: Sequence[str], people: Sequence[str]) -> float:
    """Met share of the query times met share of the words; words met in the people count for the query."""
    met_words = dict.fromkeys(words, 0.0)
    met = 0.0
    for weight, likenesses in zip(terms.weights, terms.likenesses, strict=True):
        best = 0.0
        for other, known in met_words.items():
            likeness = likenesses[other]
            if likeness > known:
                met_words[other] = likeness
            if likeness > best:
                best = likeness
        for other in people if best < 1.0 else ():
            if likenesses[other] > best:
                best = likenesses[other]
        met += weight * best
    if not met:
        return 0.0
    weights = [weigh_word(word) for word in met_words]
    share: float = sum(map(mul, weights, met_words.values())) / sum(weights)
    return met / terms.total * share


def _compare_joined(terms: _Terms, card: Card) -> float:
    """Likeness of title and query without spaces; unfinished text is compared with the title's start."""
    text = terms.joined
    if len(text) < _MIN_COMPACT:
        return 0.0
    best = 0.0
    names = [card.series[0] + card.number] if card.series and card.number else []
    for title in (*card.titles, *names):
        joined = title.replace(" ", "")
        best = max(best, _measure_likeness(text, joined))
        if terms.prefix and len(joined) > len(text):
            start = _measure_likeness(text, joined[: len(text)])
            best = max(best, start * (0.94 + 0.05 * len(text) / len(joined)))
    return best * 0.99


@dataclass(frozen=True, slots=True)
class _Fields:
    """The words of a card by field, each once, and its names one by one."""

    titles: list[tuple[str, ...]]
    names: list[tuple[str, ...]]
    series_names: list[tuple[str, ...]]
    title: list[str]
    people: list[str]
    series: list[str]
    pairs: set[str]


def compare_words(word: str, other: str, *, is_prefix: bool) -> float:
    """Likeness 0 to 1: equal, begun, or with one edit from three letters, two from seven."""
    if word == other:
        return 1.0
    if is_prefix and other.startswith(word):
        return 0.94 + 0.05 * len(word) / len(other)
    length = len(word)
    if length < 3 or not word.isalnum() or word[0].isdigit() or other[0].isdigit():
        return 0.0
    allowed = 2 if length >= 7 else 1
    best = 0.0
    if abs(len(other) - length) <= allowed:
        edits = OSA.distance(word, other, score_cutoff=allowed)
        if edits <= allowed:
            best = _rate_edits(edits, max(length, len(other)))
    if is_prefix and length > 3 and len(other) > length:
        for cut in (length, length + 1, length - 1) if word[0] in other[:2] or word[1] in other[:2] else ():
            edits = OSA.distance(word, other[:cut], score_cutoff=allowed)
            if edits <= allowed:
                best = max(best, 0.96 * _rate_edits(edits, length))
    return best


def accept(judged: Sequence[Judgement]) -> list[bool]:
    """Which candidates are plain hits: above the floor, and near the best one.

    Where every word is there as typed, a misspelling of another book is no hit.
    """
    best = max((each.quality for each in judged), default=0.0)
    least = max(FLOOR, _NEAR_EXACT if best >= EXACT else best - _NEAR_BEST)
    return [each.quality >= least for each in judged]


def _rate_edits(edits: int, length: int) -> float:
    return 1.0 - 1.15 * edits / (length + 1)


def _measure_likeness(text: str, other: str) -> float:
    longest = max(len(text), len(other))
    allowed = max(1, round(0.25 * longest))
    if abs(len(text) - len(other)) > allowed:
        return 0.0
    edits = OSA.distance(text, other, score_cutoff=allowed)
    return 1.0 - 1.15 * edits / (longest + 1) if edits <= allowed else 0.0


def _weigh(words: tuple[str, ...], *, prefix: bool) -> _Terms:
    weights = tuple(weigh_word(word) for word in words)
    if all(is_light(word) for word in words):
        weights = (1.0,) * len(words)
    last = len(words) - 1
    likenesses = tuple(_Likenesses(word, is_prefix=prefix and at == last) for at, word in enumerate(words))
    return _Terms(words, weights, sum(weights) or 1.0, "".join(words), prefix, likenesses)


def _split_fields(card: Card) -> _Fields:
    """The words of a card by field, each once, and its names one by one."""

    titles = [tuple(title.split(" ")) for title in card.titles]
    names = [tuple(name.split(" ")) for name in card.people]
    series = [tuple(name.split(" ")) for name in card.series]
    return _Fields(
        titles,
        names,
        series,
        title=list(dict.fromkeys(word for words in titles for word in words)),
        people=list(dict.fromkeys(word for words in names for word in words)),
        series=[*dict.fromkeys(word for words in series for word in words), *filter(None, [card.number])],
        pairs={first + second for words in titles for first, second in pairwise(words)},
    )
