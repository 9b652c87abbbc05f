"""The end of a run: which books the source no longer has, and whether the run saw enough to say so."""

from dataclasses import dataclass
from datetime import datetime

_MIN_COVERAGE = 0.8
_MISSING_RUNS = 2
GONE_STATUSES = frozenset({404, 410})
"""Statuses that say that a page is gone; any other failure says nothing about the book."""

PAGE_IS_GONE = "its page was not found in two crawls"
IS_UNLISTED = "it was not listed in two complete crawls"


@dataclass(frozen=True, slots=True)
class GonePage:
    """Page of a book that the source no longer has. `id` as in Page; `body_key`: lake key of the body that
    was read last, None for a page that never was."""

    id: int
    url: str
    body_key: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunClosing:
    """What a drained run knows of the books that are gone.

    `moment`: the same for every process and every try that closes the run. `seen`: books that were listed
    and answered, or that a feed shows; `expected`: those of the last complete run, None before the first
    one. `is_complete`: every page was read.
    """

    moment: datetime
    seen: int
    expected: int | None
    is_complete: bool
    gone: tuple[GonePage, ...] = ()

    @property
    def covers_enough(self) -> bool:
        """Whether the run saw at least 80 % of the books of the last complete one."""
        return self.expected is None or self.seen >= self.expected * _MIN_COVERAGE

    @property
    def forgotten(self) -> tuple[GonePage, ...]:
        """Pages to forget; none when the run saw too little."""
        return self.gone if self.covers_enough else ()

    @property
    def fault(self) -> str | None:
        """Why later runs are not compared with this one, for people; None when they are."""
        if not self.covers_enough:
            return f"this run saw {self.seen} of the {self.expected} books of the last complete one"
        return None if self.is_complete else "not every page could be read"

    @property
    def is_reference(self) -> bool:
        """Whether later runs are compared with this one."""
        return self.is_complete and self.covers_enough


def find_reason(*, missing_runs: int, is_missing_now: bool, listed: int, last_complete: int) -> str | None:
    """Why the book of a page counts as gone, None when it doesn't.

    `missing_runs`: crawls that did not find the page; `listed`: number of the last run that listed it;
    `last_complete`: number of the last complete run before this one, 0 when unlisted books can't be told
    yet, as in a run that is incomplete itself.
    """
    if is_missing_now and missing_runs >= _MISSING_RUNS:
        return PAGE_IS_GONE
    return IS_UNLISTED if listed < last_complete else None
