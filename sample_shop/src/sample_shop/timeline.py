"""Clock of the shop: the current moment and the last change of a page."""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sample_shop.shop import Book, Moment, Shop

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one book: field of the truth, old and new value. Prices are in pence."""

    number: int
    field: str
    before: int
    after: int


class Timeline:
    """`rate` books move per minute since `opened_at` (Unix seconds, read from `clock`); more can be
    asked for.
    """

    def __init__(self, shop: Shop, *, rate: float, clock: Clock) -> None:
        if rate < 0:
            raise ValueError(f"the rate of change is books per minute, 0 or more, not {rate}")
        self._shop = shop
        self._per_second = rate / 60
        self._clock = clock
        self._asked_until: list[int] = []
        self._asked_at: list[float] = []
        self.opened_at = clock()

    def read_clock(self) -> float:
        return self._clock()

    def get_moment(self) -> Moment:
        turns = int(max(0.0, self.read_clock() - self.opened_at) * self._per_second)
        return Moment(turns, self._asked_until[-1] if self._asked_until else 0)

    def move_books(self, books: int) -> tuple[Change, ...]:
        """Change exactly so many distinct books at once. Raises: ValueError for more books than there are."""
        if not 1 <= books <= self._shop.books:
            raise ValueError(f"can change 1 to {self._shop.books} books at once, not {books}")
        before = self.get_moment()
        after = replace(before, on_request=before.on_request + books)
        self._asked_until.append(after.on_request)
        self._asked_at.append(self.read_clock())
        numbers = map(self._shop.request_rota.get_book, range(before.on_request, after.on_request))
        return tuple(
            _compute_change(self._shop.get_book(number, before), self._shop.get_book(number, after))
            for number in numbers
        )

    def find_last_change(self, numbers: Iterable[int], moment: Moment) -> float:
        """Unix time of the latest move among these books, or of the opening if none has moved."""
        return max((self._find_last_move(number, moment) for number in numbers), default=self.opened_at)

    def _find_last_move(self, number: int, moment: Moment) -> float:
        latest = self.opened_at
        turn = self._shop.clock_rota.find_last_turn(number, moment.by_clock) if moment.by_clock else None
        if turn is not None:
            latest = self.opened_at + (turn + 1) / self._per_second
        asked = (
            self._shop.request_rota.find_last_turn(number, moment.on_request) if moment.on_request else None
        )
        if asked is not None:
            latest = max(latest, self._asked_at[bisect_right(self._asked_until, asked)])
        return latest


def _compute_change(before: Book, after: Book) -> Change:
    number = before.edition.number
    if before.pence != after.pence:
        return Change(number, "price_incl_tax", before.pence_with_tax, after.pence_with_tax)
    return Change(number, "stock", before.stock, after.stock)
