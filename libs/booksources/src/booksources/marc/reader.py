"""Reads MARC 21 records, binary (MARC-8 and UTF-8) or MARCXML, one at a time."""

from collections.abc import Iterator
from dataclasses import replace
from typing import IO, BinaryIO, cast

from pymarc import MARCReader, Record

from bookcore.domain.errors import Invalid
from booksources.cleaning.buffers import peek_head
from booksources.cleaning.source_ids import make_source_id
from booksources.cleaning.xml_events import (
    encode_element,
    free_element,
    get_local_name,
    iterate_events,
)
from booksources.marc.record import parse_record
from booksources.marc.xml_record import build_record
from booksources.reading import Document, Gone, Listing, Parked, ReadItem, SourceProfile

_LEADER, _ENTRY, _END_OF_FIELD = 24, 12, b"\x1e"
_DELETED = "d"
_BOOKS = frozenset("ati")
"""Types of record: language material, also as manuscript, and spoken word."""
_MONOGRAPHS = frozenset("acdm")
RawRecord = tuple[bytes, Record | None]


def read(document: Document, profile: SourceProfile) -> Iterator[ReadItem]:
    """A listing for each book and a Gone for each deleted record.

    Other materials and damaged records are parked. Raises: Invalid when the document is no MARC.
    """
    with peek_head(document.body) as (head, body):
        records = _read_xml(body) if head.startswith(b"<") else _read_binary(body)
        for number, (raw, record) in enumerate(records, start=1):
            yield _read_item(f"record {number}", raw, record, profile)


def _read_item(place: str, raw: bytes, record: Record | None, profile: SourceProfile) -> ReadItem:
    if record is None:
        return Parked(place, raw, "is damaged, or is cut short")
    key = (record["001"].data or "").strip() if "001" in record else ""
    leader = str(record.leader)
    if not key:
        return Parked(place, raw, "has no control number")
    if leader[5:6] == _DELETED:
        return Gone(make_source_id(key), "the catalogue deleted the record")
    if leader[6:7] not in _BOOKS or leader[7:8] not in _MONOGRAPHS:
        return Parked(place, raw, "is no book by its leader")
    printed = parse_record(record)
    if not printed.title:
        return Parked(place, raw, "has no title")
    profiled = replace(printed, currency=profile.currency, territory=profile.territory)
    return Listing(make_source_id(key), "", profiled)


def _read_binary(body: IO[bytes]) -> Iterator[RawRecord]:
    reader = MARCReader(cast(BinaryIO, body), to_unicode=True, permissive=True, utf8_handling="replace")
    is_first = True
    for record in reader:
        chunk = reader.current_chunk or b""
        if is_first and not chunk[:5].isdigit():
            raise Invalid("is no MARC record: it does not begin with its length", field="document")
        is_first = False
        yield chunk, record if _has_whole_fields(chunk) else None


def _has_whole_fields(record: bytes) -> bool:
    """Whether each entry of the directory ends at the end of a field; else values are cut in wrong places."""
    if len(record) <= _LEADER or not record[12:17].isdigit():
        return False
    base = int(record[12:17])
    directory = record[_LEADER : base - 1]
    for start in range(0, len(directory), _ENTRY):
        entry = directory[start : start + _ENTRY]
        if not entry[3:].isdigit() or len(entry) < _ENTRY:
            return False
        end = base + int(entry[7:]) + int(entry[3:7])
        if record[end - 1 : end] != _END_OF_FIELD:
            return False
    return True


def _read_xml(body: IO[bytes]) -> Iterator[RawRecord]:
    has_records = False
    for event, element in iterate_events(body):
        if event == "end" and get_local_name(element) == "record":
            has_records = True
            yield encode_element(element), build_record(element)
            free_element(element)
    if not has_records:
        raise Invalid("has no MARC records", field="document")
