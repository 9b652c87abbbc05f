"""Remarks: an optional value that cannot be read costs that value, and is counted."""

from collections.abc import Callable
from typing import TypeVar

from bookcore.domain.errors import Invalid
from bookcore.domain.printed_listing import Remark

Value = TypeVar("Value")
_LONGEST = 200  # characters of the printed text


class RemarkLog:
    """Collects the remarks of one listing."""

    def __init__(self) -> None:
        self._remarks: list[Remark] = []

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """In the order in which the values were read."""
        return tuple(self._remarks)

    def read(self, field: str, printed: str | None, parse: Callable[[str], Value]) -> Value | None:
        """The value, or None when nothing is printed, or when it can't be read, with a remark."""
        if printed is None or not printed.strip():
            return None
        try:
            return parse(printed)
        except Invalid as error:
            self.add(field, printed, error.reason)
            return None

    def add(self, field: str, printed: str, reason: str) -> None:
        """A remark about a value that the caller could not read."""
        self._remarks.append(Remark(field, printed.strip()[:_LONGEST], reason))
