"""Dead letters: a rejected record, unchanged, with its coordinates and the reason."""

from dataclasses import dataclass

from bookcore.domain.errors import Invalid
from bookcore.events.message import Headers, Message, Record

_OURS = "dlq_"
_LONGEST_REASON = 2_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`record` is the record of the dead-letter topic; the other fields describe the original.

    `redrive_count` counts earlier redrives. `body`: lake key of the original, when it is too large for a
    dead letter.
    """

    record: Record
    topic: str
    partition: int
    offset: int
    reason: str
    redrive_count: int
    body: str | None = None

    @property
    def original(self) -> Message:
        """The original message, with one more redrive counted; without its body when that is in the lake."""
        return self.restore(self.record)

    def restore(self, stored: Record) -> Message:
        """The original message from the record that the lake has under `body`."""
        kept = tuple(each for each in stored.headers if not each[0].startswith(_OURS))
        return Message(
            stored.key, stored.value, (*kept, ("dlq_redriven", str(self.redrive_count + 1).encode()))
        )


def encode_dead_letter(record: Record, reason: str, *, body: str | None = None) -> Message:
    """The record unchanged, with its coordinates and the reason, for the dead-letter topic.

    `body`: lake key of the whole record, when `record` is only a small part of it.
    """
    extra: Headers = (
        ("dlq_reason", reason.encode()[:_LONGEST_REASON]),
        ("dlq_topic", record.topic.encode()),
        ("dlq_partition", str(record.partition).encode()),
        ("dlq_offset", str(record.offset).encode()),
        *((("dlq_body", body.encode()),) if body else ()),
    )
    kept = tuple(each for each in record.headers if each[0] != "dlq_body")  # a source may send any
    return Message(record.key, record.value, (*kept, *extra))


def decode_dead_letter(record: Record) -> DeadLetter:
    """Decodes a record of a dead-letter topic.

    Raises: Invalid for a record without dead-letter headers.
    """
    try:
        return DeadLetter(
            record,
            topic=_read_header(record, "dlq_topic"),
            partition=int(_read_header(record, "dlq_partition")),
            offset=int(_read_header(record, "dlq_offset")),
            reason=_read_header(record, "dlq_reason"),
            redrive_count=_parse_redrive_count(record),
            body=_read_body(record),
        )
    except ValueError as error:
        raise Invalid(f"{record.topic}/{record.partition}/{record.offset} is no dead letter") from error


def _parse_redrive_count(record: Record) -> int:
    """A source may send any header; a valid count is a small number."""
    count = record.get_header("dlq_redriven") or ""
    return int(count) if count.isascii() and count.isdecimal() and len(count) < 4 else 0


def _read_body(record: Record) -> str | None:
    return next((v.decode("utf-8", "replace") for name, v in record.headers if name == "dlq_body"), None)


def _read_header(record: Record, name: str) -> str:
    """The last header of that name: a redriven letter has it once, a forged one maybe twice."""
    found = [value for header, value in record.headers if header == name]
    if not found:
        raise ValueError(name)
    return found[-1].decode("utf-8", "replace")
