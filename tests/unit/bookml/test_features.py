import math
from dataclasses import replace

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.bookml.books import make_books

from bookcore.domain.details import Details
from bookml.encoder import COLUMNS, encode
from bookml.facts import BookFacts, extract_facts, parse_facts
from bookml.features import BUCKETS, NAMES, NUMBERS, compute_features
from ml_api.routes.schemas import FeaturesIn

_text = st.text(max_size=40)
_facts = st.builds(
    BookFacts,
    title=_text,
    category=st.none() | _text,
    description=st.none() | _text,
    reviews=st.none() | st.integers(0, 10**9),
    rating=st.none() | st.floats(0, 5),
    details=st.builds(
        Details,
        authors=st.lists(_text, max_size=3).map(tuple),
        pages=st.none() | st.integers(1, 99_999),
        format=st.none() | _text,
        weight_g=st.none() | st.integers(1, 100_000),
    ),
)


@given(facts=_facts)
def test_features_of_any_facts_have_one_shape_and_no_infinities(facts: BookFacts) -> None:
    made = compute_features(facts)
    assert (len(made.numbers), len(made.names)) == (len(NUMBERS), len(NAMES))
    assert not any(math.isinf(number) for number in made.numbers)
    assert len(made.places) == len(made.counts) == len(set(made.places))
    assert all(0 <= place < BUCKETS for place in made.places)
    assert all(count > 0 for count in made.counts)


@given(facts=_facts)
def test_facts_from_json_have_the_same_features(facts: BookFacts) -> None:
    again = parse_facts(orjson.loads(orjson.dumps(facts.as_dict)))
    assert repr(compute_features(again)) == repr(compute_features(facts))


def test_features_over_http_equal_those_of_training() -> None:
    book = make_books(3, signal=True)[2]
    facts = extract_facts(book)
    asked = {
        "title": book.title,
        "category": book.category,
        "description": book.description,
        "rating": book.rating,
        "reviews": book.attributes["reviews"],
        "authors": list(book.details.authors),
        **{n: getattr(book.details, n) for n in ("publisher", "year", "pages", "format")},
    }
    served = FeaturesIn.model_validate_json(orjson.dumps(asked)).to_facts()
    assert repr(compute_features(served)) == repr(compute_features(facts))


def test_price_and_derived_values_are_no_features() -> None:
    book = make_books(1, signal=True)[0]
    dear = replace(book, attributes={**book.attributes, "price_excl_tax": "99.00", "tax": "1.00"})
    assert extract_facts(dear) == extract_facts(book)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("The Lamp (Penguin Classics)", "the lamp", True),
        ("The Lamp", "The Lamps", False),
        ("(Untitled)", "(Other)", False),
    ],
)
def test_editions_of_a_work_share_title_and_author(one: str, other: str, *, same: bool) -> None:
    assert (BookFacts(title=one).work_key == BookFacts(title=other).work_key) is same


def test_unseen_names_have_no_effect() -> None:
    row = compute_features(BookFacts(title="New", category="Unheard of"))
    tables = [{"poetry": (0.5, 1.0)} if name == "category" else {} for name in NAMES]
    x = encode([row], tables).x[0]
    assert x[COLUMNS.index("category.effect")] == 0
    assert np.isnan(x[COLUMNS.index("pages")])


def test_book_without_facts_has_no_words() -> None:
    assert compute_features(BookFacts()).places == ()
