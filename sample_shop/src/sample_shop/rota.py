"""Order in which books change: an endless sequence of turns with every book once in a round.

Being arithmetic (an affine permutation), it tells how often book 71,204 has moved after a million turns
without keeping a table.
"""

import math

from sample_shop.chance import derive_bits


class ChangeSchedule:
    """Turns 0, 1, 2, ...

    each belong to one of the books 1..`books`; any `books` turns in a row are all different.
    """

    def __init__(self, books: int, seed: int) -> None:
        self._books = books
        self._stride = _find_coprime(max(1, round(books * 0.618)), books)
        self._back = pow(self._stride, -1, books)
        self._offset = derive_bits(seed, "rota", 0) % books

    def get_book(self, turn: int) -> int:
        return 1 + (turn * self._stride + self._offset) % self._books

    def count_turns(self, number: int, turns: int) -> int:
        """How many of the first `turns` turns were this book's."""
        rounds, rest = divmod(turns, self._books)
        return rounds + (self._get_position(number) < rest)

    def find_last_turn(self, number: int, turns: int) -> int | None:
        """The latest of the first `turns` turns that was this book's, or None if it never had one."""
        had = self.count_turns(number, turns)
        return (had - 1) * self._books + self._get_position(number) if had else None

    def _get_position(self, number: int) -> int:
        return (number - 1 - self._offset) * self._back % self._books


def _find_coprime(start: int, books: int) -> int:
    return next(stride for stride in range(start, start + books + 1) if math.gcd(stride, books) == 1)
