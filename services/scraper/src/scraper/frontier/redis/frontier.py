"""The frontier of a fleet, on a store whose scripts (lua/) are atomic; see those for how it is kept.

Memory on the store grows with the site, about half a kilobyte for each page; here nothing does.
"""

import os
import secrets
import socket
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b
from itertools import count, repeat
from typing import TypeVar, cast

import orjson

from bookcore.domain.errors import Conflict
from scraper.frontier import (
    REFUSALS,
    Bounds,
    Counts,
    Finished,
    Frontier,
    Kind,
    Known,
    Leased,
    Page,
    Renewed,
    Run,
    Standing,
    State,
)
from scraper.frontier.redis.scripts import Argument, Reply, Store

_MICROSECONDS = 1_000_000
_AHEAD = 0.5
"""Seconds by which slots of a paced host are given out before they come; what a killed process wastes."""

_CHUNK = 500

T = TypeVar("T")


class SharedFrontier:
    """As Frontier, for one process among many; its name is new for each opening."""

    def __init__(self, store: Store, source: str, bounds: Bounds) -> None:
        self._store = store
        self._base = source_key(store, source)
        self._keys = [self._base, f"{store.prefix}frontier:host:{bounds.host}"]
        self._source = source
        self._bounds = bounds
        self._worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._run: tuple[str, int] = ("", 0)
        self._epoch = 0

    def begin(self, *, site: str, extractor: str, now: datetime, only_told: bool = False) -> Run:
        """As Frontier.begin. The name of a run is new even when the store was emptied."""
        stem = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        lasts = _micro(self._bounds.lease)
        answer = self._call("begin", site, extractor, stem, self._worker, lasts, int(only_told))
        verdict, *rest = [part.decode() for part in answer]
        if verdict in REFUSALS:
            raise Conflict(REFUSALS[verdict].format(source=self._source))
        if verdict == "others":
            raise Conflict(
                f"others crawl {self._source} at {rest[0]} with {rest[1]};"
                f" stop them, or wait {self._bounds.lease:g} s if they are gone"
            )
        number, name, *counts = rest
        self._run = (name, int(number))
        return Run(
            int(number),
            name,
            resumed=verdict == "joined",
            sequence=0,
            counts=Counts(*map(int, counts)),
            ledger=f"{name}.{self._worker}",
        )

    def add(self, kind: Kind, urls: Sequence[str], *, depth: int) -> int:
        """As Frontier.add."""
        added = 0
        for chunk in _chunks(urls):
            args: list[Argument] = [int(kind)]
            for url in chunk:
                args += [_digest(url), _pack(url, depth, -1, Known())]
            added += int(self._call("add", *args)[0])
        return added

    def lease(self, limit: int) -> Leased:
        """As Frontier.lease."""
        bounds = self._bounds
        answer = self._call(
            "lease",
            self._worker,
            min(limit, _CHUNK),
            _micro(bounds.lease),
            _micro(bounds.interval),
            bounds.at_a_time,
            bounds.most,
            _micro(_AHEAD),
        )
        state, token, wait, hold, first, apart, limited, epoch, *flat = (*answer, *[b"0"] * (8 - len(answer)))
        self._epoch = int(epoch) if flat else self._epoch
        dues = _dues(_seconds(first), _seconds(apart))
        pages = [
            replace(self._page(member, record), token=int(token), due=due)
            for member, record, due in zip(flat[::2], flat[1::2], dues, strict=False)
        ]
        return Leased(State(state.decode()), pages, _seconds(wait), _seconds(hold), limited == b"1")

    def renew(self, pages: Collection[Page]) -> Renewed:
        """As Frontier.renew."""
        lost: set[bytes] = set()
        hold = b"0"
        for chunk in _chunks(list(pages)) if pages else [()]:
            hold, *gone = self._call("renew", self._worker, _micro(self._bounds.lease), *_tokens(chunk))
            lost.update(gone)
        return Renewed([page for page in pages if _member(page).encode() in lost], _seconds(hold))

    def finish_pages(self, finished: Sequence[Finished], *, sequence: int) -> int:
        """As Frontier.finish_pages; the sequence is that of the process alone and isn't kept."""
        stale = 0
        for chunk in _chunks(finished):
            args: list[Argument] = []
            for each in chunk:
                page, known = each.page, each.known
                record = _pack(page.url, page.depth, self._epoch, known) if known else b""
                is_book = page.kind is Kind.BOOK
                args += [_member(page), page.token, record, int(is_book), int(is_book and each.published)]
            stale += int(self._call("finish", *args)[0])
        return stale

    def fail(self, page: Page, reason: str) -> None:
        """As Frontier.fail."""
        self._call("fail", _member(page), page.token, reason[:500])

    def give_back(self, pages: Collection[Page]) -> None:
        """As Frontier.give_back."""
        self._call("release", self._worker)
        for chunk in _chunks(list(pages)):
            self._call("release", self._worker, *_tokens(chunk))

    def ask_host(self, *, hold: float = 0.0, delay: float | None = None, slot: bool = False) -> float:
        """As Frontier.ask_host."""
        crawl_delay: Argument = "" if delay is None else _micro(delay)
        args = (_micro(self._bounds.interval), _micro(hold), crawl_delay, int(slot))
        return max(0.0, _seconds(self._call("host", *args)[0]))

    def standing(self) -> Standing:
        """As Frontier.standing."""
        return standing_of(self._call("look"))

    def failures(self) -> Sequence[tuple[str, str]]:
        """As Frontier.failures."""
        reasons = cast(dict[bytes, bytes], self._store.ask("HGETALL", f"{self._base}:failed"))
        if not reasons:
            return []
        records = cast(Reply, self._store.ask("HMGET", f"{self._base}:pages", *reasons))
        found = zip(records, reasons.values(), strict=True)
        return [(orjson.loads(record)[0], why.decode().partition("|")[2]) for record, why in found]

    def end(self, *, now: datetime) -> bool:
        """As Frontier.end."""
        return self._call("end", self._bounds.most, now.isoformat())[0] == b"1"

    def close(self) -> None:
        """As Frontier.close."""
        self._store.close()

    def _call(self, script: str, *args: Argument) -> Reply:
        return self._store.run(script, self._keys, [*self._run, *args])

    def _page(self, member: bytes, record: bytes) -> Page:
        """What a page said before a backfill or by another extractor counts no more."""
        url, depth, epoch, *known = orjson.loads(record)
        kind, _, number = member.decode().partition(":")
        said = Known(*known)
        fresh = said if epoch == self._epoch else Known(body=said.body)
        return Page(int(number), url, Kind(int(kind)), depth, fresh)


def open_frontier(url: str, source: str, bounds: Bounds) -> Frontier:
    """Raises: Invalid, Unavailable naming the setting."""
    return SharedFrontier(Store(url), source, bounds)


def source_key(store: Store, source: str) -> str:
    """What stands before all keys of a source."""
    return f"{store.prefix}frontier:{source}"


def standing_of(looked: Reply) -> Standing:
    """From what lua/look.lua answers."""
    pages, books, published, unchanged, known, leased, failed, stale, workers = map(int, looked[:9])
    counts = Counts(pages, books, published, unchanged)
    return Standing(counts, known=known, leased=leased, failed=failed, stale=stale, workers=workers)


def _pack(url: str, depth: int, epoch: int, known: Known) -> bytes:
    said = (known.etag, known.last_modified, known.body, known.content_hash)
    return orjson.dumps((url, depth, epoch, *said))


def _member(page: Page) -> str:
    return f"{int(page.kind)}:{page.id}"


def _tokens(pages: Sequence[Page]) -> Iterator[Argument]:
    for page in pages:
        yield _member(page)
        yield page.token


def _digest(url: str) -> bytes:
    return blake2b(url.encode(), digest_size=12).digest()


def _chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))


def _dues(first: float, apart: float) -> Iterator[float | None]:
    """Seconds to each slot, without an end; None where the host has no pace."""
    if not apart:
        return repeat(first or None)
    return (first + turn * apart for turn in count())


def _micro(seconds: float) -> int:
    return round(seconds * _MICROSECONDS)


def _seconds(microseconds: bytes) -> float:
    return int(microseconds) / _MICROSECONDS
