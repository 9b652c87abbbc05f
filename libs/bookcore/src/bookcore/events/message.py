"""Messages and records of an event log, independent of its technology: bytes with a key and headers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A message to append. `value` None is a tombstone: the key is deleted."""

    key: str
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Record:
    """A stored message with its coordinates; `timestamp` (UTC) is set by the log on append."""

    topic: str
    partition: int
    offset: int
    timestamp: datetime
    key: str
    value: bytes | None
    headers: Headers = ()

    def get_header(self, name: str) -> str | None:
        """Text of the first header of that name, None when absent or not UTF-8."""
        for found, value in self.headers:
            if found == name:
                return value.decode("utf-8", "replace")
        return None


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition, in order and without a gap; never empty."""

    topic: str
    partition: int
    records: Sequence[Record]

    @property
    def first(self) -> int:
        """Offset of the first record."""
        return self.records[0].offset

    @property
    def next(self) -> int:
        """Offset after the last record."""
        return self.records[-1].offset + 1
