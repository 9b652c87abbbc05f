"""Whether the page objects still understand the site."""

from bookcore.domain.normalise import PrintedBook

_ENOUGH = 20
_REQUIRED = ("title", "price", "upc")


def lacking(printed: PrintedBook) -> list[str]:
    """The required fields that the page doesn't print."""
    return [name for name in _REQUIRED if not getattr(printed, name)]


class Extraction:
    """Counts, over one process, how often a required field was missing."""

    def __init__(self) -> None:
        self._pages = 0
        self._poor = 0

    def note(self, printed: PrintedBook) -> str | None:
        """From the 20th page on: one line when more than half of the pages lack something, else None."""
        missing = lacking(printed)
        self._pages += 1
        self._poor += bool(missing)
        if self._pages < _ENOUGH or self._poor * 2 <= self._pages:
            return None
        fields = " and ".join(missing or _REQUIRED)
        return f"{self._poor} of {self._pages} book pages lack required fields (last: {fields})"
