"""Finds the gone books of a run on a Valkey; reads every page of the source once, in chunks."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Self, cast

import orjson

from scraper.frontier import PageKind
from scraper.frontier.closing import GonePage, RunClosing, find_reason
from scraper.frontier.redis.scripts import ScriptReply, ScriptStore

_CHUNK = 1_000
_BOOK = b"%d:" % PageKind.BOOK


@dataclass(frozen=True, slots=True)
class ClosingState:
    """Reply of lua/close.lua. `last_complete`: number of the last complete run, 0 before the first one;
    `books`: those that the pages of the run show."""

    run: int
    moment: datetime
    is_complete: bool
    last_complete: int
    expected: int | None
    books: int

    @classmethod
    def parse(cls, reply: ScriptReply, *, run: int, is_limited: bool) -> Self:
        moment, has_taken_all, number, seen, books = reply
        return cls(
            run,
            datetime.fromisoformat(moment.decode()),
            has_taken_all == b"1" and not is_limited,
            int(number or 0),
            int(seen) if seen else None,
            int(books),
        )


@dataclass(frozen=True, slots=True)
class _Missing:
    """Crawls that did not find a page, and the number of the last one."""

    runs: int = 0
    last: int = 0


def read_closing(store: ScriptStore, base: str, state: ClosingState) -> RunClosing:
    """What the run knows of gone books. Raises: Unavailable."""
    failed = {member for member, _ in _scan(store, f"{base}:failed")}
    missing = {member: _parse_missing(value) for member, value in _scan(store, f"{base}:missing")}
    lost = {member for member in failed if not member.startswith(_BOOK)}
    lost -= {member for member, each in missing.items() if each.last == state.run}
    is_complete = state.is_complete and not lost
    seen: int | None = None
    gone = []
    for member, record, listed in _read_books(store, base):
        url, _, _, _, _, body_key, content_hash = orjson.loads(record)
        seen = (seen or 0) + (listed == state.run and member not in failed and content_hash is not None)
        misses = missing.get(member, _Missing())
        reason = find_reason(
            missing_runs=misses.runs,
            is_missing_now=misses.last == state.run,
            listed=listed,
            last_complete=state.last_complete if is_complete else 0,
        )
        if reason:
            gone.append(GonePage(int(member.partition(b":")[2]), url, body_key, reason))
    return RunClosing(
        moment=state.moment,
        seen=state.books if seen is None else seen,
        expected=state.expected,
        is_complete=is_complete,
        gone=tuple(gone),
    )


def hash_url(url: str) -> bytes:
    """Key of a page in the sets of a source."""
    return blake2b(url.encode(), digest_size=12).digest()


def _read_books(store: ScriptStore, base: str) -> Iterator[tuple[bytes, bytes, int]]:
    """Member, record and the last run that listed it, of every book's page."""
    chunk: dict[bytes, bytes] = {}
    for member, record in _scan(store, f"{base}:pages"):
        if member.startswith(_BOOK):
            chunk[member] = record
        if len(chunk) == _CHUNK:
            yield from _add_listed(store, base, chunk)
            chunk = {}
    if chunk:
        yield from _add_listed(store, base, chunk)


def _add_listed(
    store: ScriptStore, base: str, chunk: dict[bytes, bytes]
) -> Iterator[tuple[bytes, bytes, int]]:
    digests = [hash_url(orjson.loads(record)[0]) for record in chunk.values()]
    runs = cast(list[bytes | None], store.execute("HMGET", f"{base}:listed", *digests))
    for (member, record), run in zip(chunk.items(), runs, strict=True):
        yield member, record, int(run or 0)


def _scan(store: ScriptStore, key: str) -> Iterator[tuple[bytes, bytes]]:
    """Fields of a hash; a field may come twice while the hash grows, which no caller minds."""
    cursor = "0"
    while True:
        reply = store.execute("HSCAN", key, cursor, "COUNT", _CHUNK)
        found, fields = cast(tuple[int | bytes, dict[bytes, bytes]], reply)
        yield from fields.items()
        cursor = found.decode() if isinstance(found, bytes) else str(found)
        if cursor == "0":
            return


def _parse_missing(value: bytes) -> _Missing:
    runs, _, last = value.partition(b"|")
    return _Missing(int(runs), int(last))
