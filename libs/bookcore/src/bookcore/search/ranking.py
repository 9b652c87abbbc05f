"""Ranks candidates by how well the typed words meet a book's words. Pure, and the same above every engine.

The quality of a match is 0 to 1: the mean, weighed by what a word says, of how well each typed word is met,
or the likeness of title and text without spaces, whichever is higher. A score adds how exactly a title is
named, and how popular the book is.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from operator import mul

from bookcore.domain.book import BookId
from bookcore.search import Judgement, WordMatch
from bookcore.search.card_words import CardWords, split_card
from bookcore.search.cards import MAX_POPULARITY, Card
from bookcore.search.likeness import Likenesses, measure_likeness
from bookcore.search.text import is_light, weigh_word

FLOOR = 0.7
"""Of quality: below it a book is no hit, and only the ladder speaks."""
EXACT = 0.985
"""From this quality on every typed word is there as it is."""
_NEAR_EXACT = 0.93
_NEAR_BEST = 0.16
_TITLE_BONUS = 0.26
_COVER_SHARE = 0.62
_BEGUN = 0.95
_POPULARITY_BONUS = 0.3
_SERIES_SHARE = 0.97
_PEOPLE_SHARE = 0.6
_MIN_COMPACT = 4
_BEST_COMPACT = 0.99
_PAIR_LIKENESS = 0.97
_ARTICLES = ("the", "a", "an")

NO_JUDGEMENT = Judgement(0.0, 0.0, 0.0, 0, (), "none")


@dataclass(frozen=True, slots=True)
class _Terms:
    """One reading of the query with weights; `prefix` says whether the last word is unfinished, `is_typed`
    whether it is the text as typed.

    `alike` is for each word the likeness of the candidates' words that are like it.
    """

    words: tuple[str, ...]
    weights: tuple[float, ...]
    total: float
    text: str
    joined: str
    prefix: bool
    is_typed: bool
    alike: tuple[Likenesses, ...]


def judge_cards(
    readings: Sequence[tuple[str, ...]], cards: Mapping[BookId, Card], *, is_unfinished: bool
) -> dict[BookId, Judgement]:
    """For each candidate the best judgement among the readings of the query.

    Each typed word is compared with all words of all candidates at once.
    """
    fields = {book: split_card(card) for book, card in cards.items()}
    there = list(set[str]().union(*(each.title | each.people | each.series for each in fields.values())))
    terms = [_weigh(words, there, prefix=is_unfinished, is_typed=words == readings[0]) for words in readings]
    return {book: _judge(terms, cards[book], words) for book, words in fields.items()}


def accept(judged: Sequence[Judgement]) -> list[bool]:
    """Which candidates are plain hits: above the floor, and near the best one.

    Where every word is there as typed, a misspelling of another book is no hit.
    """
    best = max((each.quality for each in judged), default=0.0)
    least = max(FLOOR, _NEAR_EXACT if best >= EXACT else best - _NEAR_BEST)
    return [each.quality >= least for each in judged]


def _judge(terms: Sequence[_Terms], card: Card, fields: CardWords) -> Judgement:
    found = [_judge_reading(each, card, fields) for each in terms]
    return max(found, key=lambda each: each.score, default=NO_JUDGEMENT)


def _judge_reading(terms: _Terms, card: Card, fields: CardWords) -> Judgement:
    matches = _match_words(terms, fields)
    met = 0.0
    for match, weight in zip(matches, terms.weights, strict=True):
        met += match.likeness * weight
    quality = met / terms.total
    exactness = _measure_exactness(terms, card, fields) if quality >= FLOOR else 0.0
    edit = "none" if quality >= EXACT else "spelling"
    joined = _compare_joined(terms, card, fields) if quality < _BEST_COMPACT else 0.0
    if joined > quality:
        quality, exactness, edit = joined, max(exactness, _COVER_SHARE * joined * joined), "spacing"
    share = card.popularity / MAX_POPULARITY
    score = quality + _TITLE_BONUS * exactness + _POPULARITY_BONUS * share * quality
    return Judgement(score, quality, exactness, card.popularity, matches, edit)


def _match_words(terms: _Terms, fields: CardWords) -> tuple[WordMatch, ...]:
    found = [_match_word(word, alike, fields) for word, alike in zip(terms.words, terms.alike, strict=True)]
    for at, match in enumerate(found):
        if match.likeness < _PAIR_LIKENESS and (pair := _match_pair(terms, at, fields)):
            found[at] = WordMatch(match.typed, pair, "title", _PAIR_LIKENESS)
    return tuple(found)


def _match_word(word: str, alike: Likenesses, fields: CardWords) -> WordMatch:
    if word in fields.title:
        return alike.whole
    best, found, field = 0.0, "", ""
    for name, words, share in (
        ("title", fields.title, 1.0),
        ("author", fields.people, 1.0),
        ("series", fields.series, _SERIES_SHARE),
    ):
        for other in alike.keys() & words:
            likeness = share * alike[other]
            if likeness > best or (likeness == best and name == field and other < found):
                best, found, field = likeness, other, name
    if best:
        return WordMatch(word, found, field, best)
    if len(word) == 1 and word.isalpha():
        for other in sorted(fields.people):
            if other[0] == word:
                return WordMatch(word, other, "author", 0.9)
    return alike.nothing


def _match_pair(terms: _Terms, at: int, fields: CardWords) -> str:
    """A book's word typed as two, or two of its words typed as one: `mocking bird`, `harrypotter`."""
    typed = terms.words[at]
    if fields.has_pair(typed):
        return typed
    for first in (at - 1, at):
        joined = "".join(terms.words[first : first + 2]) if first >= 0 else ""
        if len(joined) > len(typed) and joined in fields.title:
            return joined
    return ""


def _measure_exactness(terms: _Terms, card: Card, fields: CardWords) -> float:
    """How far the query is one title (alone or with its author), or a series and its number; more where
    it is the whole title of the book in this order, or its beginning.
    """
    best = max((_measure_cover(terms, title.split(" "), fields.people) for title in card.titles), default=0.0)
    for series in card.series:
        number = (card.number,) if card.number else ()
        best = max(
            best, _measure_cover(terms, (*series.split(" "), *number), frozenset()) * (1.0 if number else 0.8)
        )
    for name in card.people:
        best = max(best, _PEOPLE_SHARE * _measure_cover(terms, name.split(" "), frozenset()))
    return _COVER_SHARE * best + (1.0 - _COVER_SHARE) * _measure_start(terms, card)


def _measure_start(terms: _Terms, card: Card) -> float:
    """Whether the text is the title (1), or the title begins with it as it is typed, its article aside."""
    titles = card.titles[: card.mains]
    if terms.text in titles:
        return 1.0
    article, _, rest = titles[0].partition(" ") if titles else ("", "", "")
    starts = (titles[0], rest) if article in _ARTICLES else titles[:1]
    is_begun = any(f"{title} ".startswith(f"{terms.text} ") for title in starts)
    return _BEGUN if is_begun and terms.is_typed else 0.0


def _measure_cover(terms: _Terms, words: Sequence[str], people: Set[str]) -> float:
    """Met share of the query times met share of the words; words met in the people count for the query."""
    met_words = dict.fromkeys(words, 0.0)
    met = 0.0
    for weight, alike in zip(terms.weights, terms.alike, strict=True):
        best = 0.0
        for other in alike.keys() & met_words.keys():
            likeness = alike[other]
            met_words[other] = max(met_words[other], likeness)
            best = max(best, likeness)
        if best < 1.0:
            best = max(best, *(alike[other] for other in alike.keys() & people), 0.0)
        met += weight * best
    if not met:
        return 0.0
    weights = [weigh_word(word) for word in met_words]
    share: float = sum(map(mul, weights, met_words.values())) / sum(weights)
    return met / terms.total * share


def _compare_joined(terms: _Terms, card: Card, fields: CardWords) -> float:
    """Likeness of title and query without spaces; unfinished text is compared with the title's start."""
    text = terms.joined
    if len(text) < _MIN_COMPACT:
        return 0.0
    best = 0.0
    names = [card.series[0].replace(" ", "") + card.number] if card.series and card.number else []
    for joined in (*fields.joined, *names):
        best = max(best, measure_likeness(text, joined))
        if terms.prefix and len(joined) > len(text):
            start = measure_likeness(text, joined[: len(text)])
            best = max(best, start * (0.94 + 0.05 * len(text) / len(joined)))
    return best * _BEST_COMPACT


def _weigh(words: tuple[str, ...], there: Sequence[str], *, prefix: bool, is_typed: bool) -> _Terms:
    weights = tuple(weigh_word(word) for word in words)
    if all(is_light(word) for word in words):
        weights = (1.0,) * len(words)
    last = len(words) - 1
    return _Terms(
        words,
        weights,
        total=sum(weights) or 1.0,
        text=" ".join(words),
        joined="".join(words),
        prefix=prefix,
        is_typed=is_typed,
        alike=tuple(
            Likenesses(word, there, is_prefix=prefix and at == last) for at, word in enumerate(words)
        ),
    )
