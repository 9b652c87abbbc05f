"""The shop as a pure function of seed, book number and moment. Nothing is
stored per book.
"""

from dataclasses import dataclass
from functools import lru_cache

from sample_shop.chance import Dice, derive_bits
from sample_shop.rota import ChangeSchedule
from sample_shop.shelves import Category, CategoryAssignment
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
    """Constant data of a book. `pence` and `stock` are the first ones; `rating` is 1..5."""

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
        self.shelves = CategoryAssignment(books, seed)
        self.clock_rota = ChangeSchedule(books, seed)
        self.request_rota = ChangeSchedule(books, seed + 1)
        self.edition = lru_cache(maxsize=REMEMBERED)(self._build_edition)

    def get_category(self, number: int) -> Category:
        return self.shelves.get_category(number)

    def get_description(self, number: int) -> str | None:
        """Unescaped text; None for about one book in thirteen."""
        if number % NO_BLURB_EVERY == 5:
            return None
        return writing.write_blurb(Dice(derive_bits(self.seed, "blurb", number)))

    def get_book(self, number: int, moment: Moment) -> Book:
        """Each turn of a book moves its price (two times in three) or its stock, and never to where it
        just was.
        """
        edition = self.edition(number)
        moves = self._count_moves(number, moment)
        if not moves:
            return Book(edition, edition.pence, edition.stock)
        stock_moves = (moves + number % 3) // 3
        return Book(
            edition,
            self._compute_pence(edition, moves - stock_moves),
            self._compute_stock(edition, stock_moves),
        )

    def _count_moves(self, number: int, moment: Moment) -> int:
        by_clock = self.clock_rota.count_turns(number, moment.by_clock) if moment.by_clock else 0
        return by_clock + (
            self.request_rota.count_turns(number, moment.on_request) if moment.on_request else 0
        )

    def _compute_pence(self, edition: Edition, moves: int) -> int:
        """Within 15 % of the first price; its last bit follows the count of moves, so neighbours always
        differ.
        """
        if not moves:
            return edition.pence
        swing = 850 + derive_bits(self.seed + moves, "price", edition.number) % 301
        return _set_last_bit(edition.pence * swing // 1000, edition.pence + moves)

    def _compute_stock(self, edition: Edition, moves: int) -> int:
        if not moves:
            return edition.stock
        return _set_last_bit(
            derive_bits(self.seed + moves, "stock", edition.number) % 24, edition.stock + moves
        )

    def _build_edition(self, number: int) -> Edition:
        dice = Dice(derive_bits(self.seed, "edition", number))
        title = self._write_title(number)
        return Edition(
            number=number,
            upc=f"{derive_bits(self.seed, 'upc', number):016x}",
            title=title,
            slug=writing.make_slug(title),
            rating=1 + dice.draw_below(5),
            reviews=dice.draw_below(40) if dice.draw_below(3) == 0 else 0,
            pence=1000 + dice.draw_below(5000),
            stock=0 if dice.draw_below(12) == 0 else 1 + dice.draw_below(30),
            tax_percent=20 if number % TAXED_EVERY == 3 else 0,
        )

    def _write_title(self, number: int) -> str:
        """Now and then the title of an older book: two books that only the UPC tells apart."""
        twin = number - 11 if number % SAME_TITLE_EVERY == 0 else number
        return writing.write_title(Dice(derive_bits(self.seed, "title", twin)))


def _set_last_bit(value: int, parity: int) -> int:
    return (value & ~1) | (parity & 1)
