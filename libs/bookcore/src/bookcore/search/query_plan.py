"""Turns typed text and filters into a query plan, the same for every engine."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bookcore.domain.errors import Invalid
from bookcore.search import SearchQuery
from bookcore.search.cards import MAX_POPULARITY
from bookcore.search.filters import FilterClauses, build_clauses
from bookcore.search.nodes import AllOf, AnyOf, Best, Constant, Everything, Fuzzy, Node, OneOf, Prefix, Word
from bookcore.search.text import (
    MAX_CHARACTERS,
    MAX_WORDS,
    find_product_codes,
    fold,
    is_light,
    join_words,
    make_grams,
    make_identifier_key,
    read_text,
    tokenize,
    tokenize_for_index,
    weigh_word,
)

FIELD_WEIGHTS = {"title": 4.0, "authors": 2.0, "series": 2.0, "category_words": 1.5, "description": 1.0}
"""Word fields; a word scores in its best field, and a tenth in the others."""
TIE_BREAKER = 0.1
STARTS_SO = 1_000.0
"""Score of a title that starts with the typed text, among suggestions."""
MAX_RESULTS = 10_000
"""Hits beyond cannot be reached by paging."""
CANDIDATES = 40
"""Of each arm: the words and the three-letter parts."""

_ID = re.compile(r"[\w.~:\s-]+")
_LONG_PREFIX = 3  # one or two letters start a word of nearly every description
_CANDIDATE_FIELDS = {"title": 1.0, "authors": 1.0, "series": 0.9}
_FUZZY_SHARE = 0.6
_PREFIX_SHARE = 0.85
_WHOLE_TITLE = 2.0
_POPULARITY_STEP = 0.02
_MOST_GRAM_CHARACTERS = 60
_MOST_FORGIVEN = 4  # misspelled words: the heaviest; a longer text is found by its other words and parts
_MOST_WORDS = 12  # of the arm of words: the heaviest


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """`readings` of the text, the first as typed; `is_unfinished`: no space follows the last word.

    `products` are keys of checked codes, `is_code` says that nothing else was typed. `identifier` is the
    text as an id's key, `names_source` says that it is written `source:source_id`.
    """

    readings: tuple[tuple[str, ...], ...]
    is_unfinished: bool
    products: tuple[str, ...]
    is_code: bool
    identifier: str
    names_source: bool
    is_match_all: bool
    filters: FilterClauses


def build_plan(query: SearchQuery) -> QueryPlan:
    """The last word is a prefix unless a space follows it.

    Raises: Invalid for a page beyond MAX_RESULTS and for bounds that are no numbers.
    """
    check_page(query.offset, query.limit)
    text = query.text[:MAX_CHARACTERS]
    products, is_code = find_product_codes(text)
    return QueryPlan(
        readings=tuple(words[:MAX_WORDS] for words in read_text(text)),
        is_unfinished=not query.text[-1:].isspace(),
        products=products,
        is_code=is_code,
        identifier=make_identifier_key(text) if _ID.fullmatch(text.strip()) else "",
        names_source=":" in text.strip(),
        is_match_all=not query.text.strip(),
        filters=build_clauses(query.filters),
    )


def build_match(plan: QueryPlan) -> Node:
    """Books in which every typed word that says something occurs, or whose identifier is typed."""
    if plan.is_match_all:
        return Everything()
    choices: list[Node] = [_match_reading(words, plan) for words in plan.readings]
    if keys := list_identifiers(plan):
        choices.append(Constant(OneOf("identifier", keys), 1.0))
    return choices[0] if len(choices) == 1 else AnyOf(choices)


def build_arms(plan: QueryPlan) -> list[Node]:
    """Queries whose best books are the candidates: the words, the three-letter parts, the identifiers."""
    arms = [_build_word_arm(plan), _build_gram_arm(plan)] if plan.readings else []
    return [*arms, *build_identifier_arm(plan)]


def build_identifier_arm(plan: QueryPlan) -> list[Node]:
    """Books with a typed identifier; none where no identifier was typed."""
    keys = list_identifiers(plan)
    return [Constant(OneOf("identifier", keys), 1.0)] if keys else []


def list_identifiers(plan: QueryPlan) -> list[str]:
    """The keys that the typed text may be."""
    return list(dict.fromkeys((*plan.products, *([plan.identifier] if plan.identifier else []))))


def build_title_prefixes(words: Sequence[str]) -> Node:
    """Books whose title has all the words, the last one as a prefix; titles that start with them come
    first.
    """
    first = Constant(Prefix("title_key", join_words(words)), STARTS_SO)
    if len(words) == 1 and len(words[0]) == 1:  # a letter begins some word of nearly every title
        return first
    return AllOf(_match_prefix_words("title", words), [first])


def build_category_prefixes(words: Sequence[str]) -> Node:
    """Books whose category has all the words, the last one as a prefix."""
    return AllOf(_match_prefix_words("category_words", words))


def check_page(offset: int, limit: int) -> None:
    """Raises: Invalid when the page is out of range."""
    if offset < 0:
        raise Invalid("is negative", field="offset")
    if limit < 0:
        raise Invalid("is negative", field="limit")
    if offset + limit > MAX_RESULTS:
        raise Invalid(f"offset + limit is at most {MAX_RESULTS}; narrow the search instead", field="offset")


def make_title_key(title: str) -> str:
    """Normalized title: to recognise equal titles."""
    return " ".join(tokenize(title)) or fold(title)


def matches_prefix(text: str, words: Sequence[str]) -> bool:
    """Whether the text contains all words, the last one as a prefix."""
    there = tokenize_for_index(text)
    return all(word in there for word in words[:-1]) and any(word.startswith(words[-1]) for word in there)


def _match_prefix_words(field: str, words: Sequence[str]) -> list[Node]:
    return [*(Word(field, word) for word in words[:-1]), Constant(Prefix(field, words[-1]), 1.0)]


def _match_reading(words: Sequence[str], plan: QueryPlan) -> Node:
    last = len(words) - 1
    asked = [at for at, word in enumerate(words) if not is_light(word)] or range(len(words))
    return AllOf([_match_any_field(words[at], is_prefix=plan.is_unfinished and at == last) for at in asked])


def _match_any_field(word: str, *, is_prefix: bool) -> Node:
    found: list[Node] = [Word(name, word, weight) for name, weight in FIELD_WEIGHTS.items()]
    if is_prefix:
        begun = FIELD_WEIGHTS if len(word) >= _LONG_PREFIX else ("title", "category_words")
        found += [Constant(Prefix(name, word), FIELD_WEIGHTS[name]) for name in begun]
    return Best([*found, Constant(OneOf("identifier", [word]), 1.0)], TIE_BREAKER)


def _build_word_arm(plan: QueryPlan) -> Node:
    unfinished = {words[-1] for words in plan.readings} if plan.is_unfinished else set()
    words = dict.fromkeys(word for reading in plan.readings for word in reading)
    asked = [word for word in words if not is_light(word)] or list(words)
    asked = sorted(asked, key=weigh_word, reverse=True)[:_MOST_WORDS]
    choices: list[Node] = [
        Best(list(_unfold_word(word, is_prefix=word in unfinished, is_forgiven=at < _MOST_FORGIVEN)))
        for at, word in enumerate(asked)
    ]
    choices.append(Constant(OneOf("title_key", list(map(join_words, plan.readings))), _WHOLE_TITLE))
    return AllOf([AnyOf(choices)], build_popularity())


def _unfold_word(word: str, *, is_prefix: bool, is_forgiven: bool) -> Iterator[Node]:
    weight = weigh_word(word)
    edits = count_edits(word) if is_forgiven and not word[0].isdigit() else 0
    for field, share in _CANDIDATE_FIELDS.items():
        yield Constant(Word(field, word), share * weight)
        if is_prefix and len(word) > 1:
            yield Constant(Prefix(field, word), _PREFIX_SHARE * share * weight)
        if edits and field != "series":
            yield Constant(Fuzzy(field, word, edits), _FUZZY_SHARE * share * weight)


def count_edits(word: str) -> int:
    """Edits that a typed word may be away from the book's; three-letter parts find words further away."""
    return 1 if len(word) > 3 and word.isalnum() else 0


def _build_gram_arm(plan: QueryPlan) -> Node:
    parts: dict[str, None] = {}
    for words in plan.readings:
        parts |= dict.fromkeys(
            make_grams(join_words(words)[:_MOST_GRAM_CHARACTERS], is_finished=not plan.is_unfinished)
        )
    return AnyOf([Word(field, part) for field in ("title_grams", "author_grams") for part in parts])


def build_popularity() -> list[Node]:
    """A small score for each doubling of the number of readers."""
    return [
        Constant(Word("popularity", str(step)), _POPULARITY_STEP * step)
        for step in range(1, MAX_POPULARITY + 1)
    ]
