"""What would find books where the typed text finds none: said beside an empty result, never as hits."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from rapidfuzz.distance import OSA

from bookcore.search import Judgement, Rung
from bookcore.search.cards import Card
from bookcore.search.filters import FilterClauses
from bookcore.search.nodes import Node
from bookcore.search.query_plan import QueryPlan, build_match
from bookcore.search.text import is_light

_MOST_DROPPED = 6
_MOST_RUNGS = 5
_LEAST_LIKE = 0.5

Count = Callable[[Sequence[tuple[Node, FilterClauses]]], Sequence[int]]


def suggest_text(plan: QueryPlan, judged: Sequence[tuple[Card, Judgement]]) -> str | None:
    """The typed text with the words of the best match; None where some book has it as typed."""
    best = max((each for _, each in judged), key=lambda each: each.score, default=None)
    if best is None or best.edit in ("none", "identifier"):
        return None
    if best.edit == "spacing":
        card = max(judged, key=lambda each: each[1].score)[0]
        return card.titles[0] if card.titles else None
    words = [
        match.found if _is_correction(match.found, match.typed) else match.typed for match in best.matches
    ]
    text = " ".join(dict.fromkeys(words))  # a word typed as two is there twice
    return text if text != " ".join(plan.readings[0]) else None


def build_ladder(count: Count, plan: QueryPlan, judged: Sequence[tuple[Card, Judgement]]) -> list[Rung]:
    """Corrections, other spacing, fewer words, fewer filters; each finds at least one book.

    Asks the engine once, for at most 20 counts.
    """
    if not plan.readings:
        return []
    offers = [
        *_suggest_corrections(plan, judged),
        *_suggest_spacing(plan),
        *_suggest_fewer_words(plan),
        *_suggest_fewer_filters(plan),
    ]
    asked = [_plan_offer(plan, offer) for offer in offers]
    totals = count([(build_match(each), each.filters) for each in asked])
    rungs = [replace(offer, total=total) for offer, total in zip(offers, totals, strict=True) if total]
    return rungs[:_MOST_RUNGS]


def _plan_offer(plan: QueryPlan, offer: Rung) -> QueryPlan:
    if offer.kind == "relaxed_filter":
        return replace(plan, filters=plan.filters.without(offer.dropped[0]))
    return replace(
        plan, readings=(tuple(offer.text.split()),), products=(), identifier="", is_unfinished=False
    )


def _suggest_corrections(plan: QueryPlan, judged: Sequence[tuple[Card, Judgement]]) -> Iterator[Rung]:
    """Each word that no candidate has, as the likest word among the candidates."""
    there = {word for card, _ in judged for text in (*card.titles, *card.people) for word in text.split(" ")}
    typed = plan.readings[0]
    words = [word if word in there or is_light(word) else _find_likest(word, there) for word in typed]
    if tuple(words) != typed:
        yield Rung("correction", " ".join(words), (), 0)


def _find_likest(word: str, there: set[str]) -> str:
    if len(word) < 3:
        return word
    close = [(OSA.normalized_similarity(word, other), other) for other in there if other[0] == word[0]]
    likeness, other = max(close, default=(0.0, word))
    return other if likeness >= _LEAST_LIKE else word


def _suggest_spacing(plan: QueryPlan) -> Iterator[Rung]:
    typed = plan.readings[0][:_MOST_DROPPED]
    for at in range(len(typed) - 1):
        yield Rung("spacing", " ".join((*typed[:at], typed[at] + typed[at + 1], *typed[at + 2 :])), (), 0)
    if len(typed) == 1 and len(typed[0]) < 12:
        word = typed[0]
        for at in range(3, len(word) - 2):
            yield Rung("spacing", f"{word[:at]} {word[at:]}", (), 0)


def _suggest_fewer_words(plan: QueryPlan) -> Iterator[Rung]:
    typed = plan.readings[0]
    said = [word for word in typed if not is_light(word)]
    for word in sorted(dict.fromkeys(said), key=len)[:_MOST_DROPPED] if len(said) > 1 else ():
        yield Rung("dropped_words", " ".join(each for each in typed if each != word), (word,), 0)


def _suggest_fewer_filters(plan: QueryPlan) -> Iterator[Rung]:
    for name in plan.filters.fields[:_MOST_DROPPED]:
        yield Rung("relaxed_filter", " ".join(plan.readings[0]), (name,), 0)


def _is_correction(found: str, typed: str) -> bool:
    return bool(found) and not found.startswith(typed)
