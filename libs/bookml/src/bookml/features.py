"""Computes features of facts: pure, versioned, the same function for training and serving.

A change of the returned values needs a new VERSION: a model refuses features of another version.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, pairwise
from zlib import crc32

from bookml.facts import BookFacts

VERSION = "price/1"
"""Name and version of these features."""
NUMBERS: tuple[str, ...] = (
    *("pages", "year", "rating", "average_rating", "log_reviews"),
    *("width_mm", "height_mm", "thickness_mm", "weight_g", "area_cm2", "bulk", "page_weight_g"),
    *("title_chars", "title_words", "title_capitals", "title_digits", "title_asides", "volume"),
    *("description_chars", "description_words", "description_different_words", "authors"),
)
"""Order of Features.numbers; NaN for a missing value."""
NAMES: tuple[str, ...] = (
    *("category", "product_type", "format", "edition", "publisher", "author", "language"),
    *("last_author", "surname", "title_first_word", "title_first_words", "aside", "opening"),
    *("category_format", "publisher_format", "publisher_category", "author_format", "year_format"),
    "type_format_edition",
)
"""Order of Features.names; empty for a missing value."""
PARTS: dict[str, range] = {
    "names": range(1 << 15),
    "title": range(1 << 15, 1 << 16),
    "description": range(1 << 16, 1 << 17),
}
"""Buckets of hashed words; each part of a book has its own range."""
BUCKETS = 1 << 17
LONGEST_TEXT = 4_000
"""Characters of the description that are read."""

_WORD = re.compile(r"[^\W_]+")
_ASIDE = re.compile(r"\(([^)0-9]*)")
_VOLUME = re.compile(r"(?:vol(?:ume)?\.?|book|part|#|no\.?)\s*(\d{1,3})\b", re.IGNORECASE)
_NAN = math.nan


@dataclass(frozen=True, slots=True)
class Features:
    """Numbers as NUMBERS, names as NAMES, and words: ascending buckets `places` with `counts`."""

    numbers: tuple[float, ...]
    names: tuple[str, ...]
    places: tuple[int, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _TokenizedFacts:
    """Facts with title and description split into words."""

    facts: BookFacts
    title: list[str]
    text: list[str]


def compute_features(facts: BookFacts) -> Features:
    """The features of one book."""
    text = _WORD.findall(facts.description[:LONGEST_TEXT].casefold()) if facts.description else []
    read = _TokenizedFacts(facts, _WORD.findall(facts.title.casefold()), text)
    return Features(_compute_numbers(read), _compute_names(read), *_count_words(read))


def _compute_numbers(read: _TokenizedFacts) -> tuple[float, ...]:
    facts, text = read.facts, read.text
    d, title = facts.details, facts.title
    pages, width, height = _to_float(d.pages), _to_float(d.width_mm), _to_float(d.height_mm)
    weight, area = _to_float(d.weight_g), width * height / 100
    volume = _VOLUME.search(title)
    return (
        *(pages, _to_float(d.year), _to_float(facts.rating), _to_float(facts.average_rating)),
        _NAN if facts.reviews is None else math.log1p(max(facts.reviews, 0)),
        *(width, height, _to_float(d.thickness_mm), weight, area, area * pages / 1_000),
        weight / pages if pages > 0 else _NAN,
        *(float(len(title)), float(title.count(" ") + 1), sum(map(str.isupper, title)) / max(1, len(title))),
        *(float(sum(map(str.isdigit, title))), float(title.count("("))),
        float(volume[1]) if volume else _NAN,
        float(len(facts.description)) if facts.description else _NAN,
        *((float(len(text)), float(len(set(text)))) if text else (_NAN, _NAN)),
        float(len(d.authors)) if d.authors else _NAN,
    )


def _to_float(value: float | None) -> float:
    return _NAN if value is None else float(value)


def _compute_names(read: _TokenizedFacts) -> tuple[str, ...]:
    facts, title = read.facts, read.title
    d = facts.details
    category, form, publisher = (
        _normalise_name(facts.category),
        _normalise_name(d.format),
        _normalise_name(d.publisher),
    )
    kind, edition = _normalise_name(facts.product_type), _normalise_name(d.edition)
    authors = [_normalise_name(author) for author in d.authors] or [""]
    asides = _ASIDE.findall(facts.title)
    return (
        *(category, kind, form, edition, publisher, authors[0], _normalise_name(d.language)),
        *(authors[-1], authors[0].rpartition(" ")[2], " ".join(title[:1]), " ".join(title[:2])),
        _normalise_name(asides[-1]) if asides else "",
        " ".join(_WORD.findall((facts.description or "")[:200].casefold())[:4]),
        *(f"{category}|{form}", f"{publisher}|{form}", f"{publisher}|{category}"),
        *(f"{authors[0]}|{form}", f"{d.year}|{form}", f"{kind}|{form}|{edition}"),
    )


def _normalise_name(text: str | None) -> str:
    return " ".join(text.casefold().split()) if text else ""


def _count_words(read: _TokenizedFacts) -> tuple[tuple[int, ...], tuple[int, ...]]:
    title = chain(read.title, map(" ".join, pairwise(read.title)))
    parts = zip(PARTS.values(), (_list_labels(read.facts), title, read.text), strict=True)
    counted = Counter(chain.from_iterable(_hash_terms(terms, among) for among, terms in parts))
    places = sorted(counted)
    return tuple(places), tuple(map(counted.__getitem__, places))


def _list_labels(facts: BookFacts) -> list[str]:
    """Names as words, alone and combined with the format."""
    d = facts.details
    alone = (facts.category, facts.product_type, d.publisher, d.format, d.edition, d.year)
    labels = [f"{place} {name}" for place, name in enumerate(alone) if name]
    labels += [f"{place} {name} {d.format}" for place, name in enumerate(alone) if name and d.format]
    for author in d.authors:
        labels.append(f"a {_normalise_name(author)}")
        labels += [f"w {word}" for word in _WORD.findall(author.casefold())]
    return labels


def _hash_terms(terms: Iterable[str], among: range) -> list[int]:
    """CRC-32 of the terms. A dictionary of known words would be slower: it is never in the CPU cache."""
    first, size = among.start, len(among)
    return [first + checksum % size for checksum in map(crc32, map(str.encode, terms))]
