"""Which cached answers were purged: what this process knows, and how it learns the rest."""

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.routing.cache_tags import ALL

_MOST_MARKS = 100_000


class PurgeLog:
    """A mark per tag with the number of its last purge; everything before `floor` counts as purged."""

    def __init__(self) -> None:
        self.sequence = -1
        self.version = 0
        """Another one whenever an answer that was good may not be any more."""
        self._floor = 0
        self._marks: dict[str, int] = {}

    def is_valid_since(self, ticket: int, tags: Iterable[str]) -> bool:
        """Whether an answer that was asked for after purge `ticket` is still good."""
        if ticket < self._floor:
            return False
        marks = self._marks
        return not marks or all(marks.get(tag, 0) <= ticket for tag in tags)

    def mark_pending(self, tags: Iterable[str]) -> None:
        """Tags that are being purged: what is held of them is void here whether or not that succeeds."""
        self.version += 1
        self._marks.update(dict.fromkeys(tags, self.sequence + 1))
        if ALL in self._marks:
            self._floor = self.sequence + 1

    def apply(self, answer: Sequence[Any]) -> list[str]:
        """Take in what LEARN answers; the tags that are news. Any: numbers, then bytes."""
        sequence, begins, *lines = answer
        if sequence == self.sequence:
            return []
        self.version += 1
        missed = sequence - self.sequence
        if self.sequence < begins or missed != len(lines):
            self._reset(sequence)
            return [ALL]
        news: list[str] = []
        for number, line in enumerate(lines, self.sequence + 1):
            tags = line.decode().split(" ")
            self._mark(tags, number)
            news += tags
        self.sequence = sequence
        return news

    def _mark(self, tags: list[str], number: int) -> None:
        if ALL in tags or len(self._marks) > _MOST_MARKS:
            self._reset(number)
        else:
            self._marks.update(dict.fromkeys(tags, number))

    def _reset(self, number: int) -> None:
        self._floor = number
        self._marks.clear()
        self.sequence = number
