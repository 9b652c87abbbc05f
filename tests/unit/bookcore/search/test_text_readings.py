import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookcore.search.text import (
    find_product_codes,
    join_words,
    make_grams,
    make_product_key,
    read_text,
    tokenize,
    tokenize_for_index,
)
from bookcore.search.titles import split_title


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("J.K. Rowling", "jk rowling"),
        ("J. R. R. Tolkien", "jrr tolkien"),
        ("JK Rowling", "jk rowling"),
        ("Angels & Demons", "angels and demons"),
        ("C++ Primer", "c++ primer"),
        ("C# in Depth", "c# in depth"),
        ("Pro .NET", "pro .net"),
        ("ASP.NET", "asp net"),
        ("20,000 Leagues", "20000 leagues"),
        ("\u4eba\u9593\u5931\u683c", "\u4eba\u9593 \u9593\u5931 \u5931\u683c"),
        ("\u732b", "\u732b"),
        ("?!", "?!"),
        ("\u0409\u0443\u0431\u0430\u0432 \u0443 \u0434\u043e\u0431\u0430", "ljubav u doba"),
        ("\u0422\u043e\u043b\u0441\u0442\u043e\u0439", "tolstoj"),
        ("\x00 \u200f", ""),
    ],
)
def test_text_becomes_words(text: str, words: str) -> None:
    assert tokenize(text) == words.split()


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Slaughterhouse-Five", "slaughterhouse 5"),
        ("One Hundred Years of Solitude", "100 years of solitude"),
        ("nineteen eighty-four", "1984"),
        ("Twenty Thousand Leagues", "20000 leagues"),
        ("one hundred and one dalmatians", "101 dalmatians"),
        ("One, Two, Buckle My Shoe", "1 2 buckle my shoe"),
        ("Fahrenheit four fifty-one", "fahrenheit 451"),
        ("Rocky II", "rocky 2"),
        ("Louis XIV", "louis 14"),
        ("The Sandman, Vol. 2", "the sandman 2"),
        ("Harry Potter book one", "harry potter 1"),
        ("the 2nd sex", "the 2 sex"),
        ("\u0110avo", "djavo"),
        ("J\u00f6rg M\u00fcller", "joerg mueller"),
        ("Sm\u00f8rrebr\u00f8d", "smoerrebroed"),
    ],
)
def test_text_has_a_second_reading(text: str, other: str) -> None:
    assert tuple(other.split()) in read_text(text)


@pytest.mark.parametrize("text", ["I, Robot", "Mix", "civic", "Book", "part", "and"])
def test_a_word_that_is_no_number_has_one_reading(text: str) -> None:
    assert len(read_text(text)) == 1


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("0439023483", "9780439023481"),
        ("439023483", "9780439023481"),
        ("0-439-02348-3", "9780439023481"),
        ("978-0-439-02348-1", "9780439023481"),
        ("080442957x", "9780804429573"),
        ("036000291452", "0036000291452"),
        ("36000291452", "0036000291452"),
        ("0439023484", None),
        ("9780439023480", None),
        ("1984", None),
        ("a897fe39b1053632", None),
        ("", None),
    ],
)
def test_a_product_code_is_known_by_its_check_digit(typed: str, key: str | None) -> None:
    assert make_product_key(typed) == key


@pytest.mark.parametrize(
    ("typed", "codes"),
    [
        ("ISBN 0439023483", (("9780439023481",), True)),
        ("isbn-13: 978 0 439 02348 1", (("9780439023481",), True)),
        ("ISBN10:0-439-02348-3", (("9780439023481",), True)),
        ("hunger games 9780439023481", (("9780439023481",), False)),
        ("1984", ((), False)),
    ],
)
def test_codes_are_found_in_typed_text(typed: str, codes: tuple[tuple[str, ...], bool]) -> None:
    assert find_product_codes(typed) == codes


@pytest.mark.parametrize(
    ("title", "parts"),
    [
        ("The Hunger Games (The Hunger Games, #1)", ("The Hunger Games", "The Hunger Games", "1")),
        ("Harry Potter Boxset (Harry Potter, #1-7)", ("Harry Potter Boxset", "Harry Potter", "1-7")),
        ("Lamp - Harbour Nights Book 2 (Paperback)", ("Lamp - Harbour Nights Book 2", "Harbour Nights", "2")),
        ("Catch-22", ("Catch-22", "", "")),
        ("(Untitled)", ("(Untitled)", "", "")),
    ],
)
def test_a_title_is_taken_apart(title: str, parts: tuple[str, str, str]) -> None:
    found = split_title(title)
    assert (found.main, found.series, found.number) == parts


def test_parts_of_three_letters_have_marks_at_the_ends_of_finished_text() -> None:
    assert make_grams(join_words(["it"])) == ["_it", "it_"]
    assert make_grams("emma", is_finished=False) == ["_em", "emm", "mma"]
    assert make_grams("") == []


@given(text=st.text())
def test_every_reading_has_words_and_the_first_is_the_text(text: str) -> None:
    readings = read_text(text)
    assert all(word and " " not in word for words in readings for word in words)
    assert [list(words) for words in readings[:1]] == ([tokenize(text)] if tokenize(text) else [])
    assert set(tokenize(text)) <= set(tokenize_for_index(text))
