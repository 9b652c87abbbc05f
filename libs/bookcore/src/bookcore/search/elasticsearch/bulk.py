"""Writing many documents, each with its own fate: accepted, outdated, to be tried again, refused for good."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import SystemRandom
from typing import Any

from elasticsearch import ApiError

from bookcore.domain.book import BookId
from bookcore.domain.errors import Unavailable
from bookcore.search import Unindexable
from bookcore.search.elasticsearch.connection import BUSY, Connection
from bookcore.search.elasticsearch.documents import Item

_OUTDATED = 409
_GONE = 404  # the index was deleted after the alias had moved on: the alias leads to the new one
_FORBIDDEN = (401, 403)  # writing is blocked; nothing is wrong with the book
_ITEMS = 2_000
_BYTES = 8 * 2**20  # per request; a server refuses more than 100 MiB unless it is told otherwise
_SECONDS = 30.0
_random = SystemRandom()


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is sent at most; the longest first pause in seconds, doubled for each next."""

    tries: int = 7
    first: float = 0.1

    def pause(self, attempt: int) -> float:
        """Seconds before that attempt (0 is the first), at random so that many writers don't come at once."""
        return _random.uniform(0, self.first * 2 ** (attempt - 1)) if attempt else 0.0


@dataclass(slots=True)
class Outcome:
    """What became of the items of one request."""

    newer: int = 0
    again: list[Item] = field(default_factory=list)
    refused: dict[BookId, str] = field(default_factory=dict)
    reason: str = ""

    def add(self, item: Item, *, status: int, reason: str) -> None:
        """Sort by the status that the server gave this item."""
        if status < 300:
            self.newer += 1
        elif status in (*BUSY, _GONE, *_FORBIDDEN):
            self.again.append(item)
            self.reason = f"{status} {reason}"
        elif status != _OUTDATED:
            self.refused[BookId(item.id)] = reason


def write(connection: Connection, alias: str, items: Sequence[Item], *, patience: Patience) -> int:
    """How many were newer than what was there; what was accepted is durable and can be found.

    Raises: Unavailable when the server goes on refusing; Unindexable, when all other books are done.
    """
    newer = 0
    refused: dict[BookId, str] = {}
    for request in requests(items):
        done = _write(connection, alias, request, patience=patience)
        newer += done.newer
        refused |= done.refused
    if refused:
        raise Unindexable(refused)
    return newer


def requests(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Cut so that none is larger than a server takes well."""
    gathered: list[Item] = []
    size = 0
    for item in items:
        if gathered and (len(gathered) == _ITEMS or size + item.size > _BYTES):
            yield gathered
            gathered, size = [], 0
        gathered.append(item)
        size += item.size
    if gathered:
        yield gathered


def _write(connection: Connection, alias: str, items: Sequence[Item], *, patience: Patience) -> Outcome:
    total = Outcome(again=list(items))
    for attempt in range(patience.tries):
        time.sleep(patience.pause(attempt))
        done = _send(connection, alias, total.again)
        total.newer += done.newer
        total.refused |= done.refused
        total.again, total.reason = done.again, done.reason
        if not total.again:
            return total
    raise Unavailable(
        f"Elasticsearch at {connection.address.shown} goes on refusing {len(total.again)} of {len(items)}"
        f" books ({total.reason})",
        retry_after=5.0,
    )


def _send(connection: Connection, alias: str, items: Sequence[Item]) -> Outcome:
    outcome = Outcome()
    with connection.asking():
        try:
            answer = _bulk(connection, alias, items)
        except ApiError as error:
            if error.meta.status not in BUSY:
                raise
            return Outcome(again=list(items), reason=f"{error.meta.status} {error.message}")
    for item, told in zip(items, answer, strict=True):
        outcome.add(item, status=told["index"]["status"], reason=_reason(told["index"].get("error", {})))
    return outcome


def _bulk(connection: Connection, alias: str, items: Sequence[Item]) -> list[dict[str, Any]]:
    """One entry per item, in order.

    `refresh` makes at once findable what the answer tells of; waiting for the server's own refresh would hold
    up each put for as much as a second. `require_alias`: should the alias be missing, the server would
    make an index of that name out of what the documents look like.
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
    told: list[dict[str, Any]] = answer["items"]
    return told


def _reason(error: dict[str, Any]) -> str:
    cause = error.get("caused_by", {}).get("reason")
    return f"{error.get('reason', '')}{f': {cause}' if cause else ''}"
