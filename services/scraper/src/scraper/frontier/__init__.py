"""What is known of a source's pages between runs: where they are, how far a run is, what they said last."""

from dataclasses import dataclass
from enum import IntEnum


class Kind(IntEnum):
    """Which page object reads the page."""

    LISTING = 0
    BOOK = 1


@dataclass(frozen=True, slots=True)
class Known:
    """What the last good answer left behind; `body` is the lake key of the page, `content_hash` that of the
    last acknowledged observation."""

    etag: str | None = None
    last_modified: str | None = None
    body: str | None = None
    content_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page to fetch; a smaller `id` was discovered earlier, `depth` counts links from the start."""

    id: int
    url: str
    kind: Kind
    depth: int
    known: Known


@dataclass(frozen=True, slots=True)
class Finished:
    """A page whose events are acknowledged. `known` None leaves what is known as it was (304)."""

    page: Page
    known: Known | None
    published: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one run, over all its resumptions."""

    pages: int = 0
    books: int = 0
    published: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One pass over the source; `sequence` is the next free number of a ledger segment."""

    number: int
    name: str
    resumed: bool
    sequence: int
    counts: Counts
