"""Keys and formats of the objects in the lake, the same for every adapter.

pages/<2 hex>/<sha256>.zst                                     stored pages, by the hash of their bytes
events/topic=<topic>/date=<day>/p-<partition>-<first>.jsonl.zst  archived records, in batches
ledger/<source>/<run>/<sequence>.jsonl.zst                     pages acknowledged during a crawl
drills/<time>.jsonl.zst                                        what a restore for practice came to
oversized/<2 hex>/<sha256>.jsonl.zst                           records too large for the event log
pauses/<source>/<time>-<paused or resumed>                     when a source was paused

The first offset alone names a batch: two attempts use the same key, and the later one reads how far the
earlier one got. Every object carries a zstd content checksum.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from threading import local
from typing import TypedDict

import orjson
import zstandard

from bookcore.domain.errors import Invalid
from bookcore.events.message import Batch, Record
from bookcore.lake import Lake

_MAX_OBJECT = 1 << 30
_BATCH = re.compile(r"/p-(\d+)-(\d+)\.jsonl\.zst$")
_threads = local()


class _RecordLine(TypedDict):
    topic: str
    partition: int
    offset: int
    timestamp: str
    key: str
    headers: list[tuple[str, str]]
    value: str | None
    base64: bool


def make_page_key(body: bytes) -> str:
    """Key of a stored page: equal bytes, equal key."""
    digest = sha256(body).hexdigest()
    return f"pages/{digest[:2]}/{digest}.zst"


def make_batch_key(batch: Batch) -> str:
    """Key of an archived batch; the day is that of its first record."""
    day = batch.records[0].timestamp.date().isoformat()
    return f"{make_topic_prefix(batch.topic)}date={day}/p-{batch.partition:05d}-{batch.first:015d}.jsonl.zst"


def make_topic_prefix(topic: str) -> str:
    """Prefix of all archived batches of a topic."""
    return f"events/topic={topic}/"


@dataclass(frozen=True, slots=True)
class ArchivedBatch:
    """The parts of an archived batch's key."""

    key: str
    partition: int
    first: int


def parse_batch_key(key: str) -> ArchivedBatch:
    """Inverse of make_batch_key.

    Raises: Invalid for a key of another form.
    """
    found = _BATCH.search(key)
    if not found:
        raise Invalid(f"{key} is no archived batch", field="key")
    return ArchivedBatch(key, int(found[1]), int(found[2]))


def make_ledger_key(source: str, run: str, sequence: int) -> str:
    """Key of one segment of a crawl's ledger."""
    return f"ledger/{source}/{run}/{sequence:09d}.jsonl.zst"


DRILLS = "drills/"
"""Prefix of the records of restore drills."""


def make_drill_key(ended: datetime) -> str:
    """Key of a drill's record; keys are in the order of time."""
    return f"{DRILLS}{ended.astimezone(UTC):%Y-%m-%dT%H%M%S.%fZ}.jsonl.zst"


def keep_record(lake: Lake, record: Record) -> str:
    """Stores a record that is too large for the event log; returns its key. Idempotent by key and value."""
    digest = sha256(record.key.encode() + b"\0" + (record.value or b"")).hexdigest()
    key = f"oversized/{digest[:2]}/{digest}.jsonl.zst"
    lake.put(key, pack_records([record]))
    return key


def pack_page(body: bytes) -> bytes:
    """Compresses a page (zstd level 1: pages are many and small)."""
    if not hasattr(_threads, "compressor"):
        _threads.compressor = zstandard.ZstdCompressor(level=1, write_checksum=True)
    packed: bytes = _threads.compressor.compress(body)
    return packed


def unpack_page(packed: bytes) -> bytes:
    """Raises: Invalid when the object is damaged."""
    try:
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=_MAX_OBJECT)
    except zstandard.ZstdError as error:
        raise Invalid(f"the lake object is damaged: {error}") from error


def pack_lines(rows: Iterable[object]) -> bytes:
    """JSON Lines, compressed; rows are plain JSON values."""
    return pack_page(b"\n".join(orjson.dumps(row) for row in rows))


def unpack_lines(packed: bytes) -> list[dict[str, str]]:
    """Inverse of pack_lines, for rows whose values are text."""
    return [orjson.loads(line) for line in unpack_page(packed).split(b"\n") if line]


def pack_records(records: Iterable[Record]) -> bytes:
    """Records with all their parts, including bytes that are not text."""
    return pack_lines(_build_line(record) for record in records)


def unpack_records(packed: bytes) -> list[Record]:
    """Inverse of pack_records."""
    return list(_parse_records(unpack_page(packed)))


def _parse_records(lines: bytes) -> Iterator[Record]:
    for text in lines.split(b"\n"):
        line: _RecordLine = orjson.loads(text)
        yield Record(
            topic=line["topic"],
            partition=line["partition"],
            offset=line["offset"],
            timestamp=datetime.fromisoformat(line["timestamp"]).astimezone(UTC),
            key=line["key"],
            value=_decode_value(line["value"], base64=line["base64"]),
            headers=tuple((name, value.encode("latin-1")) for name, value in line["headers"]),
        )


def _build_line(record: Record) -> _RecordLine:
    value, base64 = _encode_value(record.value)
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp.isoformat(),
        "key": record.key,
        "headers": [(name, value.decode("latin-1")) for name, value in record.headers],
        "value": value,
        "base64": base64,
    }


def _encode_value(value: bytes | None) -> tuple[str | None, bool]:
    if value is None:
        return None, False
    try:
        return value.decode(), False
    except UnicodeDecodeError:
        return b64encode(value).decode(), True


def _decode_value(value: str | None, *, base64: bool) -> bytes | None:
    if value is None:
        return None
    return b64decode(value) if base64 else value.encode()
