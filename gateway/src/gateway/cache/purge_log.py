"""Purges that this process knows of."""

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.routing.cache_tags import ALL

_MAX_MARKS = 100_000


class PurgeLog:
    """The sequence of the last purge of each tag; everything before `_floor` counts as purged."""

    def __init__(self) -> None:
        self.sequence = -1
        self.version = 0
        """Changes whenever a valid entry may have become invalid."""
        self._floor = 0
        self._marks: dict[str, int] = {}

    def is_valid_since(self, purge_sequence: int, tags: Iterable[str]) -> bool:
        """Whether a response requested at `purge_sequence` is still valid."""
        if purge_sequence < self._floor:
            return False
        marks = self._marks
        return not marks or all(marks.get(tag, 0) <= purge_sequence for tag in tags)

    def mark_pending(self, tags: Iterable[str]) -> None:
        """Invalidates tags here at once, whether or not the shared purge succeeds."""
        self.version += 1
        self._marks.update(dict.fromkeys(tags, self.sequence + 1))
        if ALL in self._marks:
            self._floor = self.sequence + 1

    def apply(self, result: Sequence[Any]) -> list[str]:
        """Applies a result of FETCH_PURGES; returns the new tags. Any: numbers, then bytes."""
        sequence, log_start, *tag_lines = result
        if sequence == self.sequence:
            return []
        self.version += 1
        missed = sequence - self.sequence
        if self.sequence < log_start or missed != len(tag_lines):
            self._reset(sequence)
            return [ALL]
        new_tags: list[str] = []
        for number, line in enumerate(tag_lines, self.sequence + 1):
            tags = line.decode().split(" ")
            self._mark(tags, number)
            new_tags += tags
        self.sequence = sequence
        return new_tags

    def _mark(self, tags: list[str], number: int) -> None:
        if ALL in tags or len(self._marks) > _MAX_MARKS:
            self._reset(number)
        else:
            self._marks.update(dict.fromkeys(tags, number))

    def _reset(self, number: int) -> None:
        self._floor = number
        self._marks.clear()
        self.sequence = number
