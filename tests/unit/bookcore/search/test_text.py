import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookcore.search.text import fold, query_tokens, tokens


@pytest.mark.parametrize(
    ("text", "folded"),
    [("Číž", "ciz"), ("STRASSE", "strasse"), ("Straße", "strasse"), ("Đorđe", "dorde"), ("ŁÓDŹ", "lodz")],
)
def test_case_and_accents_do_not_matter(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_an_apostrophe_joins_and_other_marks_part() -> None:
    assert tokens("Women's Fiction, vol. 2-3 (new_ed)") == ["womens", "fiction", "vol", "2", "3", "new", "ed"]


@given(text=st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert tokens(" ".join(tokens(text))) == tokens(text)


@given(text=st.text(max_size=2_000))
def test_a_question_is_bounded(text: str) -> None:
    assert len(query_tokens(text)) <= 32
    assert all(token and " " not in token for token in query_tokens(text))
