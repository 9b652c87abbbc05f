"""Turns are fair and can be counted without being played."""

from hypothesis import given
from hypothesis import strategies as st

from sample_shop.rota import ChangeSchedule

BOOKS = st.integers(1, 200)


@given(books=BOOKS, seed=st.integers(0, 99), first=st.integers(0, 1000))
def test_any_round_of_turns_visits_every_book_once(books: int, seed: int, first: int) -> None:
    rota = ChangeSchedule(books, seed)
    assert sorted(map(rota.get_book, range(first, first + books))) == list(range(1, books + 1))


@given(books=BOOKS, turns=st.integers(0, 1000), data=st.data())
def test_count_of_turns_equals_a_simulation(books: int, turns: int, data: st.DataObject) -> None:
    rota = ChangeSchedule(books, 5)
    number = data.draw(st.integers(1, books))
    played = [turn for turn in range(turns) if rota.get_book(turn) == number]
    assert rota.count_turns(number, turns) == len(played)
    assert rota.find_last_turn(number, turns) == (played[-1] if played else None)
