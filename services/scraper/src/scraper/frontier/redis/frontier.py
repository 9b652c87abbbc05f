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
    BEGIN_CONFLICTS,
    CrawlLimits,
    CrawlRun,
    FinishedPage,
    Frontier,
    LeaseBatch,
    LeaseRenewal,
    Page,
    PageKind,
    PageSnapshot,
    RunCounts,
    RunState,
    RunStatus,
)
from scraper.frontier.redis.scripts import ScriptArgument, ScriptReply, ScriptStore

_MICROSECONDS = 1_000_000
_AHEAD = 0.5
"""Seconds by which slots of a paced host are given out before they come; what a killed process wastes."""

_CHUNK = 500

T = TypeVar("T")


class RedisFrontier:
    """As Frontier, for one process among many; its name is new for each opening."""

    def __init__(self, store: ScriptStore, source: str, bounds: CrawlLimits) -> None:
        self._store = store
        self._base = build_source_key(store, source)
        self._keys = [self._base, f"{store.prefix}frontier:host:{bounds.host}"]
        self._source = source
        self._bounds = bounds
        self._worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._run: tuple[str, int] = ("", 0)
        self._epoch = 0

    def begin_run(
        self, *, site: str, extractor: str, now: datetime, only_if_running: bool = False
    ) -> CrawlRun:
        """As Frontier.begin. The name of a run is new even when the store was emptied."""
        stem = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        lasts = _to_microseconds(self._bounds.lease_seconds)
        answer = self._run_script("begin", site, extractor, stem, self._worker, lasts, int(only_if_running))
        verdict, *rest = [part.decode() for part in answer]
        if verdict in BEGIN_CONFLICTS:
            raise Conflict(BEGIN_CONFLICTS[verdict].format(source=self._source))
        if verdict == "others":
            raise Conflict(
                f"others crawl {self._source} at {rest[0]} with {rest[1]};"
                f" stop them, or wait {self._bounds.lease_seconds:g} s if they are gone"
            )
        number, name, *counts = rest
        self._run = (name, int(number))
        return CrawlRun(
            int(number),
            name,
            is_resumed=verdict == "joined",
            next_segment=0,
            counts=RunCounts(*map(int, counts)),
            ledger_name=f"{name}.{self._worker}",
        )

    def add_pages(self, kind: PageKind, urls: Sequence[str], *, depth: int) -> int:
        """As Frontier.add."""
        added = 0
        for chunk in _split_chunks(urls):
            args: list[ScriptArgument] = [int(kind)]
            for url in chunk:
                args += [_hash_url(url), _pack_record(url, depth, -1, PageSnapshot())]
            added += int(self._run_script("add", *args)[0])
        return added

    def lease_pages(self, limit: int) -> LeaseBatch:
        """As Frontier.lease."""
        bounds = self._bounds
        answer = self._run_script(
            "lease",
            self._worker,
            min(limit, _CHUNK),
            _to_microseconds(bounds.lease_seconds),
            _to_microseconds(bounds.request_interval),
            bounds.host_concurrency,
            bounds.max_pages,
            _to_microseconds(_AHEAD),
        )
        state, token, wait, hold, first, apart, limited, epoch, *flat = (*answer, *[b"0"] * (8 - len(answer)))
        self._epoch = int(epoch) if flat else self._epoch
        dues = _compute_slot_delays(_to_seconds(first), _to_seconds(apart))
        pages = [
            replace(self._parse_page(member, record), token=int(token), slot_delay=due)
            for member, record, due in zip(flat[::2], flat[1::2], dues, strict=False)
        ]
        return LeaseBatch(
            RunState(state.decode()), pages, _to_seconds(wait), _to_seconds(hold), limited == b"1"
        )

    def renew_leases(self, pages: Collection[Page]) -> LeaseRenewal:
        """As Frontier.renew."""
        lost: set[bytes] = set()
        hold = b"0"
        for chunk in _split_chunks(list(pages)) if pages else [()]:
            hold, *gone = self._run_script(
                "renew", self._worker, _to_microseconds(self._bounds.lease_seconds), *_list_tokens(chunk)
            )
            lost.update(gone)
        return LeaseRenewal(
            [page for page in pages if _format_member(page).encode() in lost], _to_seconds(hold)
        )

    def finish_pages(self, finished: Sequence[FinishedPage], *, next_segment: int) -> int:
        """As Frontier.finish_pages; the sequence is that of the process alone and isn't kept."""
        stale = 0
        for chunk in _split_chunks(finished):
            args: list[ScriptArgument] = []
            for each in chunk:
                page, known = each.page, each.snapshot
                record = _pack_record(page.url, page.depth, self._epoch, known) if known else b""
                is_book = page.kind is PageKind.BOOK
                args += [
                    _format_member(page),
                    page.token,
                    record,
                    int(is_book),
                    int(is_book and each.is_published),
                ]
            stale += int(self._run_script("finish", *args)[0])
        return stale

    def fail_page(self, page: Page, reason: str) -> None:
        """As Frontier.fail."""
        self._run_script("fail", _format_member(page), page.token, reason[:500])

    def release_pages(self, pages: Collection[Page]) -> None:
        """As Frontier.give_back."""
        self._run_script("release", self._worker)
        for chunk in _split_chunks(list(pages)):
            self._run_script("release", self._worker, *_list_tokens(chunk))

    def ask_host(self, *, hold: float = 0.0, delay: float | None = None, slot: bool = False) -> float:
        """As Frontier.ask_host."""
        crawl_delay: ScriptArgument = "" if delay is None else _to_microseconds(delay)
        args = (
            _to_microseconds(self._bounds.request_interval),
            _to_microseconds(hold),
            crawl_delay,
            int(slot),
        )
        return max(0.0, _to_seconds(self._run_script("host", *args)[0]))

    def read_status(self) -> RunStatus:
        """As Frontier.standing."""
        return parse_status(self._run_script("look"))

    def list_failures(self) -> Sequence[tuple[str, str]]:
        """As Frontier.failures."""
        reasons = cast(dict[bytes, bytes], self._store.execute("HGETALL", f"{self._base}:failed"))
        if not reasons:
            return []
        records = cast(ScriptReply, self._store.execute("HMGET", f"{self._base}:pages", *reasons))
        found = zip(records, reasons.values(), strict=True)
        return [(orjson.loads(record)[0], why.decode().partition("|")[2]) for record, why in found]

    def finish_run(self, *, now: datetime) -> bool:
        """As Frontier.end."""
        return self._run_script("end", self._bounds.max_pages, now.isoformat())[0] == b"1"

    def close(self) -> None:
        """As Frontier.close."""
        self._store.close()

    def _run_script(self, script: str, *args: ScriptArgument) -> ScriptReply:
        return self._store.run_script(script, self._keys, [*self._run, *args])

    def _parse_page(self, member: bytes, record: bytes) -> Page:
        """What a page said before a backfill or by another extractor counts no more."""
        url, depth, epoch, *known = orjson.loads(record)
        kind, _, number = member.decode().partition(":")
        said = PageSnapshot(*known)
        fresh = said if epoch == self._epoch else PageSnapshot(body_key=said.body_key)
        return Page(int(number), url, PageKind(int(kind)), depth, fresh)


def open_frontier(url: str, source: str, bounds: CrawlLimits) -> Frontier:
    """Raises: Invalid, Unavailable naming the setting."""
    return RedisFrontier(ScriptStore(url), source, bounds)


def build_source_key(store: ScriptStore, source: str) -> str:
    """What stands before all keys of a source."""
    return f"{store.prefix}frontier:{source}"


def parse_status(reply: ScriptReply) -> RunStatus:
    """From what lua/look.lua answers."""
    pages, books, published, unchanged, known, leased, failed, stale, workers = map(int, reply[:9])
    counts = RunCounts(pages, books, published, unchanged)
    return RunStatus(counts, discovered=known, leased=leased, failed=failed, stale=stale, workers=workers)


def _pack_record(url: str, depth: int, epoch: int, known: PageSnapshot) -> bytes:
    said = (known.etag, known.last_modified, known.body_key, known.content_hash)
    return orjson.dumps((url, depth, epoch, *said))


def _format_member(page: Page) -> str:
    return f"{int(page.kind)}:{page.id}"


def _list_tokens(pages: Sequence[Page]) -> Iterator[ScriptArgument]:
    for page in pages:
        yield _format_member(page)
        yield page.token


def _hash_url(url: str) -> bytes:
    return blake2b(url.encode(), digest_size=12).digest()


def _split_chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))


def _compute_slot_delays(first: float, apart: float) -> Iterator[float | None]:
    """Seconds to each slot, without an end; None where the host has no pace."""
    if not apart:
        return repeat(first or None)
    return (first + turn * apart for turn in count())


def _to_microseconds(seconds: float) -> int:
    return round(seconds * _MICROSECONDS)


def _to_seconds(microseconds: bytes) -> float:
    return int(microseconds) / _MICROSECONDS
