"""The shop as a pure function: seed, book number and moment in; the book as it stands out. Nothing is
stored per book.
"""

from dataclasses import dataclass
from functools import lru_cache

from sample_shop.chance import Dice, scatter
from sample_shop.rota import Rota
from sample_shop.shelves import Category, Shelves
from sample_shop.text import writing

MOST_BOOKS = 100_000
REMEMBERED = 8_192  # editions kept ready; one is about 600 bytes
SAME_TITLE_EVERY = 29
NO_BLURB_EVERY = 13
TAXED_EVERY = 8


@dataclass(frozen=True, slots=True)
class Moment:
    """How many turns the clock has taken and how many were asked for: the only thing that the present
    depends on.
    """

    by_clock: int = 0
    on_request: int = 0


@dataclass(frozen=True, slots=True)
class Edition:
    """What never changes about a book. `pence` and `stock` are the first ones; `rating` is 1..5."""

    number: int
    upc: str
    title: str
    slug: str
    rating: int
    reviews: int
    pence: int
    stock: int
    tax_percent: int


@dataclass(frozen=True, slots=True)
class Book:
    """An edition with its price before tax (pence) and its stock at one moment."""

    edition: Edition
    pence: int
    stock: int

    @property
    def tax(self) -> int:
        """Pence."""
        return (self.pence * self.edition.tax_percent + 50) // 100

    @property
    def pence_with_tax(self) -> int:
        return self.pence + self.tax


class Shop:
    """Books 1..`books`; the highest number is the newest. ValueError for a number of books it cannot hold."""

    def __init__(self, *, books: int = 60, seed: int = 1) -> None:
        if not 1 <= books <= MOST_BOOKS:
            raise ValueError(f"a shop holds 1 to {MOST_BOOKS} books, not {books}")
        self.books = books
        self.seed = seed
        self.shelves = Shelves(books, seed)
        self.clock_rota = Rota(books, seed)
        self.request_rota = Rota(books, seed + 1)
        self.edition = lru_cache(maxsize=REMEMBERED)(self._edition)

    def category_of(self, number: int) -> Category:
        return self.shelves.category_of(number)

    def description(self, number: int) -> str | None:
        """Unescaped text; None for about one book in thirteen."""
        if number % NO_BLURB_EVERY == 5:
            return None
        return writing.blurb(Dice(scatter(self.seed, "blurb", number)))

    def book(self, number: int, moment: Moment) -> Book:
        """Each turn of a book moves its price (two times in three) or its stock, and never to where it
        just was.
        """
        edition = self.edition(number)
        moves = self._moves(number, moment)
        if not moves:
            return Book(edition, edition.pence, edition.stock)
        stock_moves = (moves + number % 3) // 3
        return Book(edition, self._pence(edition, moves - stock_moves), self._stock(edition, stock_moves))

    def _moves(self, number: int, moment: Moment) -> int:
        by_clock = self.clock_rota.turns_of(number, moment.by_clock) if moment.by_clock else 0
        return by_clock + (self.request_rota.turns_of(number, moment.on_request) if moment.on_request else 0)

    def _pence(self, edition: Edition, moves: int) -> int:
        """Within 15 % of the first price; its last bit follows the count of moves, so neighbours always
        differ.
        """
        if not moves:
            return edition.pence
        swing = 850 + scatter(self.seed + moves, "price", edition.number) % 301
        return _with_last_bit(edition.pence * swing // 1000, edition.pence + moves)

    def _stock(self, edition: Edition, moves: int) -> int:
        if not moves:
            return edition.stock
        return _with_last_bit(scatter(self.seed + moves, "stock", edition.number) % 24, edition.stock + moves)

    def _edition(self, number: int) -> Edition:
        dice = Dice(scatter(self.seed, "edition", number))
        title = self._title(number)
        return Edition(
            number=number,
            upc=f"{scatter(self.seed, 'upc', number):016x}",
            title=title,
            slug=writing.slug(title),
            rating=1 + dice.below(5),
            reviews=dice.below(40) if dice.below(3) == 0 else 0,
            pence=1000 + dice.below(5000),
            stock=0 if dice.below(12) == 0 else 1 + dice.below(30),
            tax_percent=20 if number % TAXED_EVERY == 3 else 0,
        )

    def _title(self, number: int) -> str:
        """Now and then the title of an older book: two books that only the UPC tells apart."""
        twin = number - 11 if number % SAME_TITLE_EVERY == 0 else number
        return writing.title(Dice(scatter(self.seed, "title", twin)))


def _with_last_bit(value: int, parity: int) -> int:
    return (value & ~1) | (parity & 1)
