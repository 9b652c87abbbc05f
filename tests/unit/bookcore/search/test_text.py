import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookcore.search.text import fold, make_identifier_key, tokenize, tokenize_for_index, tokenize_query


@pytest.mark.parametrize(
    ("text", "folded"),
    [("Číž", "ciz"), ("STRASSE", "strasse"), ("Straße", "strasse"), ("Đorđe", "dorde"), ("ŁÓDŹ", "lodz")],
)
def test_case_and_accents_do_not_matter(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_an_apostrophe_joins_and_other_marks_part() -> None:
    assert tokenize("Women's Fiction, vol. 2-3 (new_ed)") == [
        "womens",
        "fiction",
        "vol",
        "2",
        "3",
        "new",
        "ed",
    ]


@pytest.mark.parametrize("apostrophe", "'\u2019\u2018\u02bc\u00b4`\uff07")
def test_a_word_is_indexed_whole_and_by_its_longer_parts(apostrophe: str) -> None:
    assert tokenize_for_index(f"Women{apostrophe}s l{apostrophe}Amour") == [
        "womens",
        "lamour",
        "women",
        "amour",
    ]


@given(text=st.text())
def test_query_tokens_occur_among_index_tokens(text: str) -> None:
    assert set(tokenize(text)) <= set(tokenize_for_index(text))


def test_an_identifier_keeps_letters_and_digits_only() -> None:
    assert make_identifier_key(" 978-0-306-40615-X ") == "978030640615x"


@given(text=st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert tokenize(" ".join(tokenize(text))) == tokenize(text)


@given(text=st.text(max_size=2_000))
def test_a_question_is_bounded(text: str) -> None:
    assert len(tokenize_query(text)) <= 32
    assert all(token and " " not in token for token in tokenize_query(text))
