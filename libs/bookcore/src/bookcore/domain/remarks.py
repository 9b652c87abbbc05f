"""Collects remarks: optional values that can't be read, each of which costs its field only."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from bookcore.domain.printed_listing import Remark
from bookcore.domain.rejection import InvalidField

LONGEST_PRINT = 200
_MOST = 200
_Value = TypeVar("_Value")


class RemarkCollector:
    """Keeps the first 200 remarks of one listing, and those that its reader has made first."""

    def __init__(self, remarks: Iterable[Remark] = ()) -> None:
        self.remarks: list[Remark] = []
        for each in remarks:
            self.add(each.field, each.printed, each.reason)

    def add(self, field: str, printed: str, reason: str) -> None:
        """Remarks on a field."""
        if len(self.remarks) < _MOST:
            self.remarks.append(Remark(field, printed[:LONGEST_PRINT], reason))

    def read(self, field: str, text: str | None, parse: Callable[[str], _Value]) -> _Value | None:
        """The parsed text; None without a text, or with a remark when it can't be parsed."""
        if not text:
            return None
        try:
            return parse(text)
        except InvalidField as refusal:
            self.add(field, text, refusal.rejected.reason)
            return None
