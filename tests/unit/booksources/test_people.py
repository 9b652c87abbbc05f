"""Printed names become people; a comma separates them only where the column shows it."""

import csv
import gzip
from pathlib import Path

import pytest

from bookcore.domain.errors import Invalid
from bookcore.domain.printed_listing import PrintedContributor as Person
from booksources.cleaning.people import PeopleNotation, detect_people_notation, read_people


def name_people(text: str, notation: PeopleNotation | None = None) -> list[str]:
    return [person.name for person in read_people(text, notation)]


@pytest.mark.parametrize(
    ("printed", "names"),
    [
        ("Ana Huang", ["Ana Huang"]),
        ("Smith, John", ["John Smith"]),
        ("Smith, John, Jr.", ["John Smith Jr."]),
        ("King, Martin Luther, Jr.", ["Martin Luther King Jr."]),
        ("Jefferson, Thomas, 1743-1826", ["Thomas Jefferson"]),
        ("Rowling, J. K. (Joanne), 1965-", ["J. K. Rowling"]),
        ("Saint-Exupéry, Antoine de", ["Antoine de Saint-Exupéry"]),
        ("von Goethe, Johann Wolfgang", ["Johann Wolfgang von Goethe"]),
        ("[A,B]", ["A", "B"]),
        ("['Ana Huang', \"Tim O'Brien\"]", ["Ana Huang", "Tim O'Brien"]),
        ("[Ana Huang, Bo Li]", ["Ana Huang", "Bo Li"]),
        ("By Ana Huang", ["Ana Huang"]),
        ("By: Ana Huang", ["Ana Huang"]),
        ("Author(s): Ana Huang; Bo Li", ["Ana Huang", "Bo Li"]),
        ("Huang, Ana.", ["Ana Huang"]),
        ("Huang, Ana J.", ["Ana J. Huang"]),
        ("Tolkien, J. R. R. (John Ronald Reuel), 1892-1973", ["J. R. R. Tolkien"]),
        ("Ana Huang, Bo Li, and Cid Moe", ["Ana Huang", "Bo Li", "Cid Moe"]),
        ("Ana Huang, Bo Li & Cid Moe", ["Ana Huang", "Bo Li", "Cid Moe"]),
        ("Ana Huang \u2022 Bo Li", ["Ana Huang", "Bo Li"]),
        ("Ana Huang, Bo Li (Illustrator)", ["Ana Huang", "Bo Li"]),
        ("by Ana Huang; Bo Li", ["Ana Huang", "Bo Li"]),
        ("A; B & C", ["A", "B & C"]),
        ("Ann A; Bob B & Cid C", ["Ann A", "Bob B", "Cid C"]),
        ("Neil Gaiman and Terry Pratchett", ["Neil Gaiman", "Terry Pratchett"]),
        ("Neil Gaiman | Terry Pratchett", ["Neil Gaiman", "Terry Pratchett"]),
        ("Stan & Jan Berenstain", ["Stan & Jan Berenstain"]),
        ("Simon & Schuster, Inc.", ["Simon & Schuster, Inc."]),
        ("American Medical Association, Chicago", ["American Medical Association, Chicago"]),
        ("Ana Huang, Bo Li", ["Ana Huang, Bo Li"]),
        ("Ana Huang; Ana Huang", ["Ana Huang"]),
        ("Unknown author", []),
        ("nan", []),
        ("", []),
        ("Ana Huang; et al.", ["Ana Huang"]),
        ("Ann Lee et al.", ["Ann Lee"]),
        ("Dan Brown; and Ann Lee", ["Dan Brown", "Ann Lee"]),
        ("Penny Reid", ["Penny Reid"]),
        ("Bysshe Shelley", ["Bysshe Shelley"]),
    ],
)
def test_people_of_one_text_are_read(printed: str, names: list[str]) -> None:
    assert name_people(printed) == names


def test_roles_and_names_to_sort_by_are_kept() -> None:
    assert read_people("by J. K. Rowling (Author), Mary GrandPré (Illustrator)") == (
        Person(name="J. K. Rowling"),
        Person(name="Mary GrandPré", role="illustrator"),
    )
    assert read_people("Smith, John, Jr.") == (Person(name="John Smith Jr.", sort_name="Smith, John, Jr."),)
    assert read_people("Ana Huang (Goodreads Author)") == (Person(name="Ana Huang"),)
    assert read_people("edited by Ana Huang") == (Person(name="Ana Huang", role="editor"),)
    assert read_people("Ana Huang; translated by Bo Li") == (
        Person(name="Ana Huang"),
        Person(name="Bo Li", role="translator"),
    )
    assert read_people("Ana Huang, Bo Li (Illustrator)") == (
        Person(name="Ana Huang"),
        Person(name="Bo Li", role="illustrator"),
    )


@pytest.mark.parametrize(
    ("column", "comma"),
    [
        (["Ana Huang, Bo Li", "Cid Moe", "Ana Huang"], "between"),
        (["J.K. Rowling, Mary GrandPré", "Suzanne Collins"], "between"),
        (["Rowling, J. K.", "Collins, Suzanne", "García Márquez, Gabriel", "Homer"], "within"),
        (["Jefferson, Thomas, 1743-1826; Adams, John", "United States"], "within"),
        (["Plato", "Ana Huang"], None),
        (["Simon & Schuster, Inc.", "Ana Huang"], None),
        ([], None),
    ],
)
def test_column_shows_what_its_commas_mean(column: list[str], comma: str | None) -> None:
    assert detect_people_notation(column).comma == comma


def test_commas_are_read_as_the_column_shows() -> None:
    assert name_people("Ana Huang, Bo Li", PeopleNotation("between")) == ["Ana Huang", "Bo Li"]
    assert name_people("Ana Huang, Plato, Jr.", PeopleNotation("between")) == ["Ana Huang", "Plato Jr."]
    assert name_people("García Márquez, Gabriel", PeopleNotation("within")) == ["Gabriel García Márquez"]
    assert name_people("Huang, Ana, Li, Bo", PeopleNotation("within")) == ["Ana Huang", "Bo Li"]
    assert name_people("Huang, Ana, Li", PeopleNotation("within")) == ["Huang, Ana, Li"]
    assert name_people("Ana Huang / Bo Li", PeopleNotation(has_slash=True)) == ["Ana Huang", "Bo Li"]


@pytest.mark.parametrize(
    ("file", "column", "comma"),
    [
        ("goodbooks_10k/books.csv.gz", "authors", "between"),
        ("gutenberg/pg_catalog_first_7702.csv.gz", "Authors", "within"),
        ("machinehack_book_price/train_6237.csv.gz", "Author", "between"),
    ],
)
def test_real_columns_show_what_their_commas_mean(
    shared_data: Path, file: str, column: str, comma: str
) -> None:
    with gzip.open(shared_data / file, "rt", encoding="utf-8") as lines:
        assert detect_people_notation(row[column] for row in csv.DictReader(lines)).comma == comma


def test_endless_list_of_people_is_refused() -> None:
    with pytest.raises(Invalid, match="is longer than"):
        read_people("A; " * 5_000)
