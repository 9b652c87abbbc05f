"""Assignment of books to categories.

Two compact arrays (five bytes a book) are all that the shop keeps per book.
"""

from array import array
from bisect import bisect
from dataclasses import dataclass
from itertools import accumulate

from sample_shop.chance import derive_bits
from sample_shop.text import words, writing

FIRST_NUMBER = 2  # number 1 is the shelf of all books, as in the layout we follow


@dataclass(frozen=True, slots=True)
class Category:
    """`number` is what its URL carries, from 2 up."""

    number: int
    name: str
    slug: str


class CategoryAssignment:
    """The first category has over a third of the books, the last few; none is empty."""

    def __init__(self, books: int, seed: int) -> None:
        names = words.CATEGORIES[: max(1, min(len(words.CATEGORIES), books // 5))]
        self.categories = tuple(
            Category(place + FIRST_NUMBER, name, writing.make_slug(name)) for place, name in enumerate(names)
        )
        self._shelf_of = _assign_books(books, seed, shelves=len(names))
        self._books_on = tuple(array("I") for _ in names)
        for number in range(books, 0, -1):
            self._books_on[self._shelf_of[number - 1]].append(number)

    def get_category(self, number: int) -> Category:
        return self.categories[self._shelf_of[number - 1]]

    def find_category(self, number: int) -> Category | None:
        """By the number in its URL."""
        place = number - FIRST_NUMBER
        return self.categories[place] if 0 <= place < len(self.categories) else None

    def list_books(self, category: Category) -> "array[int]":
        """Numbers of its books, newest (highest) first."""
        return self._books_on[category.number - FIRST_NUMBER]


def _assign_books(books: int, seed: int, *, shelves: int) -> "array[int]":
    weights = [60 // (place + 1) + (60 if place == 0 else 3) for place in range(shelves)]
    bounds = list(accumulate(weights))
    chosen = (
        bisect(bounds, derive_bits(seed, "shelf", number) % bounds[-1]) for number in range(shelves, books)
    )
    return array("B", [*range(min(shelves, books)), *chosen])
