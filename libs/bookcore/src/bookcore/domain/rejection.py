"""Reasons for rejecting a printed book."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a printed book was rejected: field, reason, and the printed value (cut to 80 characters)."""

    field: str
    reason: str
    printed: str | None = None

    def __str__(self) -> str:
        shown = "" if self.printed is None else f": {self.printed[:80]!r}"
        return f"{self.field} {self.reason}{shown}"


class InvalidField(Exception):
    """Stops the parsing of a book; never leaves the domain."""

    def __init__(self, field: str, reason: str, printed: str | None) -> None:
        super().__init__(field)
        self.rejected = Rejected(field, reason, printed)


def check_text(field: str, text: str | None, *, longest: int) -> str | None:
    """The text, or None for an empty one.

    Raises: InvalidField when it is too long or damaged.
    """
    if text and len(text) > longest:
        raise InvalidField(field, f"is longer than {longest} characters", text)
    if text and ("\x00" in text or "\ufffd" in text):
        raise InvalidField(field, "holds bytes that are not of the page's declared charset", text)
    return text or None


def is_whole_number(text: str) -> bool:
    """Whether the text is a number of at most nine plain digits."""
    return text.isascii() and text.strip().isdecimal() and len(text) < 10
