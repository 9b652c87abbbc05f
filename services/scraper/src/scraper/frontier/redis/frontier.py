"""Frontier of a fleet: every step is one atomic Lua script (lua/) on the store.

The store needs about half a kilobyte of memory for each page; a scraper process needs none.
"""

import os
import secrets
import socket
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
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
    format_run_start,
)
from scraper.frontier.closing import RunClosing
from scraper.frontier.redis.closing import ClosingState, hash_url, read_closing
from scraper.frontier.redis.scripts import ScriptArgument, ScriptReply, ScriptStore

_MICROSECONDS = 1_000_000
_AHEAD = 0.5
"""Seconds by which slots of a paced host are reserved in advance; a killed process wastes at most these."""

_CHUNK = 500

T = TypeVar("T")


class RedisFrontier:
    """Frontier of one process among many; every instance has a worker name of its own."""

    def __init__(self, store: ScriptStore, source: str, limits: CrawlLimits) -> None:
        self._store = store
        self._base = build_source_key(store, source)
        self._keys = [self._base, f"{store.prefix}frontier:host:{limits.host}"]
        self._source = source
        self._limits = limits
        self._worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._run: tuple[str, int] = ("", 0)
        self._epoch = 0

    def begin_run(
        self, *, site: str, extractor: str, now: datetime, only_if_running: bool = False
    ) -> CrawlRun:
        """The name of a run is unique even when the store was emptied."""
        stem = f"{format_run_start(now)}-{secrets.token_hex(2)}"
        lease = _to_microseconds(self._limits.lease_seconds)
        reply = self._run_script("begin", site, extractor, stem, self._worker, lease, int(only_if_running))
        outcome, *rest = [part.decode() for part in reply]
        if outcome in BEGIN_CONFLICTS:
            raise Conflict(BEGIN_CONFLICTS[outcome].format(source=self._source))
        if outcome == "others":
            raise Conflict(
                f"others crawl {self._source} at {rest[0]} with {rest[1]};"
                f" stop them, or wait {self._limits.lease_seconds:g} s if they are gone"
            )
        number, name, *counts = rest
        self._run = (name, int(number))
        return CrawlRun(
            int(number),
            name,
            is_resumed=outcome == "joined",
            next_segment=0,
            counts=RunCounts(*map(int, counts)),
            ledger_name=f"{name}.{self._worker}",
        )

    def add_pages(self, kind: PageKind, urls: Sequence[str], *, depth: int) -> int:
        added = 0
        for chunk in _split_chunks(urls):
            args: list[ScriptArgument] = [int(kind)]
            for url in chunk:
                args += [hash_url(url), _pack_record(url, depth, -1, PageSnapshot())]
            added += int(self._run_script("add", *args)[0])
        return added

    def lease_pages(self, limit: int) -> LeaseBatch:
        limits = self._limits
        reply = self._run_script(
            "lease",
            self._worker,
            min(limit, _CHUNK),
            _to_microseconds(limits.lease_seconds),
            _to_microseconds(limits.request_interval),
            limits.host_concurrency,
            limits.max_pages,
            _to_microseconds(_AHEAD),
        )
        state, token, wait, hold, first, apart, limited, epoch, *flat = (*reply, *[b"0"] * (8 - len(reply)))
        self._epoch = int(epoch) if flat else self._epoch
        delays = _compute_slot_delays(_to_seconds(first), _to_seconds(apart))
        pages = [
            replace(self._parse_page(member, record), token=int(token), slot_delay=delay)
            for member, record, delay in zip(flat[::2], flat[1::2], delays, strict=False)
        ]
        return LeaseBatch(
            RunState(state.decode()), pages, _to_seconds(wait), _to_seconds(hold), limited == b"1"
        )

    def renew_leases(self, pages: Collection[Page]) -> LeaseRenewal:
        lost: set[bytes] = set()
        hold = b"0"
        for chunk in _split_chunks(list(pages)) if pages else [()]:
            hold, *members = self._run_script(
                "renew", self._worker, _to_microseconds(self._limits.lease_seconds), *_list_tokens(chunk)
            )
            lost.update(members)
        return LeaseRenewal(
            [page for page in pages if _format_member(page).encode() in lost], _to_seconds(hold)
        )

    def finish_pages(self, finished: Sequence[FinishedPage], *, next_segment: int) -> int:
        """`next_segment` isn't stored: the ledger belongs to this process alone."""
        stale = 0
        for chunk in _split_chunks(finished):
            args: list[ScriptArgument] = []
            for item in chunk:
                page, snapshot = item.page, item.snapshot
                record = _pack_record(page.url, page.depth, self._epoch, snapshot) if snapshot else b""
                args += [
                    _format_member(page),
                    page.token,
                    record,
                    item.books,
                    item.books if item.is_published else 0,
                    item.remarks,
                    item.refused,
                ]
            stale += int(self._run_script("finish", *args)[0])
        return stale

    def fail_page(self, page: Page, reason: str, *, is_missing: bool = False) -> None:
        self._run_script("fail", _format_member(page), page.token, reason[:500], int(is_missing))

    def release_pages(self, pages: Collection[Page]) -> None:
        self._run_script("release", self._worker)
        for chunk in _split_chunks(list(pages)):
            self._run_script("release", self._worker, *_list_tokens(chunk))

    def hold_host(self, seconds: float) -> None:
        self._run_host_script(hold=_to_microseconds(seconds))

    def set_crawl_delay(self, seconds: float) -> None:
        self._run_host_script(crawl_delay=_to_microseconds(seconds))

    def reserve_slot(self) -> float:
        return max(0.0, _to_seconds(self._run_host_script(reserves_slot=True)[0]))

    def read_status(self) -> RunStatus:
        return parse_status(self._run_script("status"))

    def list_failures(self) -> Sequence[tuple[str, str]]:
        reasons = cast(dict[bytes, bytes], self._store.execute("HGETALL", f"{self._base}:failed"))
        if not reasons:
            return []
        records = cast(ScriptReply, self._store.execute("HMGET", f"{self._base}:pages", *reasons))
        failures = zip(records, reasons.values(), strict=True)
        return [(orjson.loads(record)[0], reason.decode().partition("|")[2]) for record, reason in failures]

    def read_site(self) -> str | None:
        site = cast(bytes | None, self._store.execute("HGET", f"{self._base}:meta", "site"))
        return None if site is None else site.decode()

    def close_run(self, *, now: datetime, is_limited: bool) -> RunClosing | None:
        reply = self._run_script("close", self._limits.max_pages, now.isoformat())
        if not reply:
            return None
        state = ClosingState.parse(reply, run=self._run[1], is_limited=is_limited)
        return read_closing(self._store, self._base, state)

    def finish_run(self, *, now: datetime, closing: RunClosing | None = None) -> bool:
        seen: ScriptArgument = closing.seen if closing and closing.is_reference else ""
        for chunk in _split_chunks(closing.forgotten if closing else ()):
            members: list[ScriptArgument] = []
            for page in chunk:
                members += [f"{int(PageKind.BOOK)}:{page.id}", hash_url(page.url)]
            self._run_script("forget", *members)
        return self._run_script("end", self._limits.max_pages, now.isoformat(), seen)[0] == b"1"

    def close(self) -> None:
        self._store.close()

    def _run_host_script(
        self, *, hold: int = 0, crawl_delay: ScriptArgument = "", reserves_slot: bool = False
    ) -> ScriptReply:
        interval = _to_microseconds(self._limits.request_interval)
        return self._run_script("host", interval, hold, crawl_delay, int(reserves_slot))

    def _run_script(self, script: str, *args: ScriptArgument) -> ScriptReply:
        return self._store.run_script(script, self._keys, [*self._run, *args])

    def _parse_page(self, member: bytes, record: bytes) -> Page:
        """A snapshot of an earlier epoch (before a backfill or by another extractor) keeps its body key
        only."""
        url, depth, epoch, *fields = orjson.loads(record)
        kind, _, number = member.decode().partition(":")
        snapshot = PageSnapshot(*fields)
        if epoch != self._epoch:
            snapshot = PageSnapshot(body_key=snapshot.body_key)
        return Page(int(number), url, PageKind(int(kind)), depth, snapshot)


def open_frontier(url: str, source: str, limits: CrawlLimits) -> Frontier:
    """Raises: Invalid, Unavailable naming the setting."""
    return RedisFrontier(ScriptStore(url), source, limits)


def build_source_key(store: ScriptStore, source: str) -> str:
    """Common prefix of the keys of a source."""
    return f"{store.prefix}frontier:{source}"


def parse_status(reply: ScriptReply) -> RunStatus:
    """Parse the reply of lua/status.lua."""
    discovered, leased, failed, stale, workers, *counted = map(int, reply[:11])
    counts = RunCounts(*counted)
    return RunStatus(
        counts, discovered=discovered, leased=leased, failed=failed, stale=stale, workers=workers
    )


def _pack_record(url: str, depth: int, epoch: int, snapshot: PageSnapshot) -> bytes:
    fields = (snapshot.etag, snapshot.last_modified, snapshot.body_key, snapshot.content_hash)
    return orjson.dumps((url, depth, epoch, *fields))


def _format_member(page: Page) -> str:
    return f"{int(page.kind)}:{page.id}"


def _list_tokens(pages: Sequence[Page]) -> Iterator[ScriptArgument]:
    for page in pages:
        yield _format_member(page)
        yield page.token


def _split_chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))


def _compute_slot_delays(first: float, interval: float) -> Iterator[float | None]:
    """Endless: seconds until each slot; None for a host without a pace."""
    if not interval:
        return repeat(first or None)
    return (first + slot * interval for slot in count())


def _to_microseconds(seconds: float) -> int:
    return round(seconds * _MICROSECONDS)


def _to_seconds(microseconds: bytes) -> float:
    return int(microseconds) / _MICROSECONDS
