"""Bulk writes; each document is accepted, outdated, retryable or rejected."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import SystemRandom
from typing import Any

from elasticsearch import ApiError

from bookcore.domain.book import BookId
from bookcore.domain.errors import Unavailable
from bookcore.search import UnindexableBooks
from bookcore.search.elasticsearch.connection import BUSY, Connection
from bookcore.search.elasticsearch.documents import BulkItem

_OUTDATED = 409
_GONE = 404  # the index was deleted after the alias had moved to the new one
_FORBIDDEN = (401, 403)  # writing is blocked; the book is valid
_ITEMS = 2_000
_BYTES = 8 * 2**20  # per request; the server's default limit is 100 MiB
_SECONDS = 30.0
_random = SystemRandom()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Maximum number of attempts; the first delay in seconds at most, doubled for each further attempt."""

    tries: int = 7
    first: float = 0.1

    def compute_delay(self, attempt: int) -> float:
        """Seconds before that attempt (0 is the first), with full jitter."""
        return _random.uniform(0, self.first * 2 ** (attempt - 1)) if attempt else 0.0


@dataclass(slots=True)
class BulkResult:
    """Results of the items of one request."""

    newer: int = 0
    retryable: list[BulkItem] = field(default_factory=list)
    refused: dict[BookId, str] = field(default_factory=dict)
    reason: str = ""

    def add(self, item: BulkItem, *, status: int, reason: str) -> None:
        """Classifies an item by its status."""
        if status < 300:
            self.newer += 1
        elif status in (*BUSY, _GONE, *_FORBIDDEN):
            self.retryable.append(item)
            self.reason = f"{status} {reason}"
        elif status != _OUTDATED:
            self.refused[BookId(item.id)] = reason


def write_items(
    connection: Connection, alias: str, items: Sequence[BulkItem], *, patience: RetryPolicy
) -> int:
    """Number of items newer than the stored documents; accepted items are durable and searchable.

    Raises: Unavailable when the server keeps failing; UnindexableBooks after writing the others.
    """
    newer = 0
    refused: dict[BookId, str] = {}
    for request in split_requests(items):
        done = _write_with_retries(connection, alias, request, patience=patience)
        newer += done.newer
        refused |= done.refused
    if refused:
        raise UnindexableBooks(refused)
    return newer


def split_requests(items: Sequence[BulkItem]) -> Iterator[Sequence[BulkItem]]:
    """Splits items into requests of at most 2,000 items and 8 MiB."""
    gathered: list[BulkItem] = []
    size = 0
    for item in items:
        if gathered and (len(gathered) == _ITEMS or size + item.size > _BYTES):
            yield gathered
            gathered, size = [], 0
        gathered.append(item)
        size += item.size
    if gathered:
        yield gathered


def _write_with_retries(
    connection: Connection, alias: str, items: Sequence[BulkItem], *, patience: RetryPolicy
) -> BulkResult:
    total = BulkResult(retryable=list(items))
    for attempt in range(patience.tries):
        time.sleep(patience.compute_delay(attempt))
        done = _send(connection, alias, total.retryable)
        total.newer += done.newer
        total.refused |= done.refused
        total.retryable, total.reason = done.retryable, done.reason
        if not total.retryable:
            return total
    raise Unavailable(
        f"Elasticsearch at {connection.address.display} refuses {len(total.retryable)} of {len(items)}"
        f" books ({total.reason})",
        retry_after=5.0,
    )


def _send(connection: Connection, alias: str, items: Sequence[BulkItem]) -> BulkResult:
    outcome = BulkResult()
    with connection.translate_errors():
        try:
            answer = _send_bulk(connection, alias, items)
        except ApiError as error:
            if error.meta.status not in BUSY:
                raise
            return BulkResult(retryable=list(items), reason=f"{error.meta.status} {error.message}")
    for item, entry in zip(items, answer, strict=True):
        outcome.add(
            item, status=entry["index"]["status"], reason=_format_reason(entry["index"].get("error", {}))
        )
    return outcome


def _send_bulk(connection: Connection, alias: str, items: Sequence[BulkItem]) -> list[dict[str, Any]]:
    """One entry per item, in order.

    `refresh` makes the accepted items searchable at once; waiting for the server's own refresh would delay
    each put by up to a second. `require_alias`: without the alias the server would create an index with
    guessed mappings.
    """
    lines: Any = [line for item in items for line in (item.action, item.source)]  # bytes go as they are
    answer = connection.client.options(request_timeout=_SECONDS).bulk(
        index=alias,
        operations=lines,
        refresh=True,
        require_alias=True,
        filter_path=[
            "items.*.status",
            "items.*.error.type",
            "items.*.error.reason",
            "items.*.error.caused_by.reason",
        ],
    )
    entries: list[dict[str, Any]] = answer["items"]
    return entries


def _format_reason(error: dict[str, Any]) -> str:
    cause = error.get("caused_by", {}).get("reason")
    return f"{error.get('reason', '')}{f': {cause}' if cause else ''}"
