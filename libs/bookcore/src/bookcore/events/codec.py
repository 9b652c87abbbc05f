"""Events <-> log messages: CloudEvents 1.0 in binary mode (attributes as headers, data as the value).

Decoding raises Invalid with a one-line reason for unreadable bytes; the consumer parks those.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import ValidationError

from bookcore.domain.book import BookId
from bookcore.domain.errors import Invalid
from bookcore.events.book import (
    BookChanged,
    BookGone,
    BookObserved,
    BookState,
    BookWithdrawn,
    Event,
    PricedBookState,
)
from bookcore.events.category import CategoryDecided
from bookcore.events.crawl import CrawlCommand, RunReported
from bookcore.events.listing import BookObservedV2
from bookcore.events.message import Headers, Message, Record
from bookcore.events.ml import ModelDecided, PredictionMade

_OBSERVED = (BookObserved, BookObservedV2, BookWithdrawn)
_CONTROL = (CrawlCommand, RunReported, CategoryDecided, ModelDecided, PredictionMade)
_FACTS = (*_OBSERVED, BookChanged, BookGone, *_CONTROL)
EVENTS: dict[str, type[Event]] = {model.type: model for model in (*_FACTS, PricedBookState, BookState)}


@dataclass(frozen=True, slots=True)
class Decoded:
    """A record and its event."""

    record: Record
    event: Event


def get_event_id(event: Event) -> str:
    """The CloudEvents id, the same for the same fact however often it is sent."""
    if isinstance(event, BookState):
        return event.event_id
    if isinstance(event, _FACTS):
        return event.event_id
    raise TypeError(f"{type(event).__name__} has no id")  # pragma: no cover - a model without id is a bug


def encode(event: Event, *, source: str) -> Message:
    """Encodes an event; `source` names the producer, for example `scraper/books_toscrape`."""
    key = event.key if isinstance(event, (*_FACTS, BookState)) else ""
    headers = build_cloud_event_headers(
        get_event_id(event), event.type, source=source, key=key, now=datetime.now(UTC)
    )
    if isinstance(event, BookGone):
        return Message(key, None, (*headers, ("version", str(event.version).encode())))
    headers = (*headers, ("content-type", b"application/json"))
    if isinstance(event, BookObserved | BookObservedV2) and event.page:
        headers = (*headers, ("ce_dataref", event.page.encode()))
    is_simple = isinstance(event, BookState) and not event.offers  # readers of before know no offers
    return Message(key, event.model_dump_json(exclude={"offers"} if is_simple else None).encode(), headers)


def build_cloud_event_headers(event_id: str, kind: str, *, source: str, key: str, now: datetime) -> Headers:
    """The CloudEvents attributes of every message."""
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", kind.encode()),
        ("ce_time", now.isoformat().encode()),
        ("ce_subject", key.encode()),
    )


def decode(record: Record) -> Decoded:
    """Decodes a record.

    Raises: Invalid when the type or version is unknown, or the data is no JSON or not of the schema.
    """
    kind = record.get_header("ce_type")
    model = EVENTS.get(kind or "")
    if model is None:
        raise Invalid(f"unknown event type or version {kind!r}; this reader knows {', '.join(EVENTS)}")
    if record.value is None:
        return Decoded(record, _decode_tombstone(record))
    try:
        return Decoded(record, model.model_validate_json(record.value))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "data"
        raise Invalid(f"{kind}: {where}: {first['msg']}") from error


def _decode_tombstone(record: Record) -> BookGone:
    version = record.get_header("version") or ""
    if not (version.isascii() and version.isdecimal() and len(version) < 19):
        raise Invalid("tombstone without a version header")
    return BookGone(book_id=BookId(record.key), version=int(version))
