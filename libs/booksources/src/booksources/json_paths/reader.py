"""Reads JSON and JSON Lines by a mapping of expressions."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import IO, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from bookcore.domain.errors import Invalid
from bookcore.domain.printed_listing import (
    PrintedContributor,
    PrintedListing,
    PrintedOffer,
    PrintedSeries,
    PrintedSubject,
)
from booksources.cleaning.addresses import resolve_address
from booksources.cleaning.dates import DateNotation, read_date
from booksources.cleaning.html_text import convert_html_to_text
from booksources.cleaning.isbn import read_isbn
from booksources.cleaning.money import read_price
from booksources.cleaning.remarks import RemarkLog
from booksources.cleaning.source_ids import make_source_id
from booksources.json_paths.mapping import JsonMapping, compile_expression
from booksources.reading import Document, Link, Listing, Parked, ReadItem, SourceProfile, Total

Json = Any  # Any: JSON
_LARGEST = 64 << 20  # bytes of a document
_LONGEST = 8 << 20  # bytes of a line
_DUMP = re.compile(rb"/type/(\w+)\t[^\t]*\t[^\t]*\t[^\t]*\t")


def read(document: Document, profile: SourceProfile, *, mapping: JsonMapping) -> Iterator[ReadItem]:
    """Records as listings; a record without id or title, and a line that is no JSON, is parked.

    A document whose lines are objects of their own is read line by line, in flat memory; of a dump of Open
    Library, whose lines have four columns before the JSON, only editions are read. Raises: Invalid.
    """
    number = 0
    for value, fault in _list_values(document.body):
        if fault is not None:
            number += 1
            yield Parked(f"line {number}", fault, "is no JSON")
            continue
        yield from _list_page_items(value, document.url, mapping)
        records = _search(mapping.records, value)
        if isinstance(records, list):
            for record in records:
                number += 1
                yield _read_record(number, record, document.url, profile, mapping)


def _list_values(body: IO[bytes]) -> Iterator[tuple[Json, bytes | None]]:
    """(value, None), or (None, the line that is no JSON)."""
    first = body.readline(_LONGEST)
    if not _DUMP.match(first) and not isinstance(_parse(first), dict):
        yield _parse_whole(first, body), None
        return
    line = first
    while line:
        dump = _DUMP.match(line)
        if line.strip() and (dump is None or dump[1] == b"edition"):
            value = _parse(_DUMP.sub(b"", line))
            yield value, None if isinstance(value, dict) else line
        line = body.readline(_LONGEST)


def _parse_whole(first: bytes, body: IO[bytes]) -> Json:
    rest = body.read(_LARGEST + 1)
    if len(rest) > _LARGEST:
        raise Invalid("is larger than 64 MiB and no JSON Lines", field="document")
    whole = _parse(first + rest)
    if whole is None:
        raise Invalid("is no JSON, or ends early", field="document")
    return whole


def _parse(text: bytes) -> Json:
    """None for what is no JSON; numbers keep all their digits."""
    try:
        return json.loads(text.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _list_page_items(value: Json, base: str, mapping: JsonMapping) -> Iterator[ReadItem]:
    total = _search(mapping.total, value)
    if isinstance(total, int):
        yield Total(total)
    url = resolve_address(base, _format(_search(mapping.next, value)))
    if url is None and mapping.page_number and _search(mapping.records, value):
        url = _build_next_address(base, mapping.page_number)
    if url:
        yield Link("next", url)


def _build_next_address(base: str, key: str) -> str | None:
    """The address with the next page's number; None for a file and for a page whose number is none."""
    parts = urlsplit(base)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    number = query.get(key, "1")
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[0-9]{1,6}", number, re.ASCII):
        return None
    return urlunsplit(parts._replace(query=urlencode({**query, key: str(int(number) + 1)})))


def _read_record(
    number: int, record: Json, base: str, profile: SourceProfile, mapping: JsonMapping
) -> ReadItem:
    values = {name: _search(text, record) for name, text in mapping.fields.items()}
    key, title = _format(values.get("source_id")), _format(values.get("title"))
    if not key or not title:
        reason = "has no title" if key else "has no id"
        return Parked(f"record {number}", json.dumps(record, default=str).encode(), reason)
    remarks = RemarkLog()
    offers = tuple(_read_offers(record, values, profile, mapping, remarks))
    printed = _build_listing(values, profile, offers, remarks)
    return Listing(make_source_id(key), resolve_address(base, _format(values.get("url"))) or "", printed)


def _build_listing(
    values: dict[str, Json], profile: SourceProfile, offers: tuple[PrintedOffer, ...], remarks: RemarkLog
) -> PrintedListing:
    notation = DateNotation(profile.language)
    texts = {name: _format(value) for name, value in values.items()}
    isbn = remarks.read("isbn", texts.get("isbn"), read_isbn)
    covers = (resolve_address("", url) for url in _list_texts(values.get("covers")))
    series, subjects = _list_texts(values.get("series")), _list_texts(values.get("subjects"))
    people = _list_texts(values.get("authors"))
    return PrintedListing(
        title=convert_html_to_text(texts["title"]),
        subtitle=texts.get("subtitle") or None,
        contributors=tuple(PrintedContributor(name=name) for name in people),
        identifiers={"isbn": isbn} if isbn else {},
        publisher=texts.get("publisher") or None,
        published=remarks.read("published", texts.get("published"), lambda text: read_date(text, notation)),
        format=texts.get("format") or None,
        pages=texts.get("pages") or None,
        languages=tuple(text.rpartition("/")[2] for text in _list_texts(values.get("languages"))),
        series=tuple(PrintedSeries(name=name) for name in series),
        subjects=tuple(PrintedSubject(scheme="keyword", heading=text) for text in subjects),
        category=texts.get("category") or None,
        description=convert_html_to_text(texts.get("description", "")) or None,
        covers=tuple(dict.fromkeys(url for url in covers if url)),
        edition=texts.get("edition") or None,
        average_rating=texts.get("average_rating") or None,
        reviews=texts.get("reviews") or None,
        offers=offers,
        currency=profile.currency,
        territory=profile.territory,
        remarks=remarks.remarks,
    )


def _read_offers(
    record: Json, values: dict[str, Json], profile: SourceProfile, mapping: JsonMapping, remarks: RemarkLog
) -> Iterator[PrintedOffer]:
    for offer in _search(mapping.offers, record) or []:
        found = {name: _search(text, offer) for name, text in mapping.offer_fields.items()}
        printed = _format_price(found)
        read_amount = remarks.read("offers.price", printed, lambda text: read_price(text, profile))
        available = found.get("available", values.get("available"))
        stock = _format_availability(available)
        if read_amount is not None or stock is not None:
            yield replace(read_amount or PrintedOffer(), availability=stock)


def _format_price(found: dict[str, Json]) -> str:
    amount, currency = _format(found.get("price")), _format(found.get("currency"))
    minor, digits = _format(found.get("minor_price")), _format(found.get("minor_digits"))
    if minor.isdecimal() and digits.isdecimal() and len(digits) == 1:
        amount = f"{Decimal(minor).scaleb(-int(digits)):f}"
    return f"{amount} {currency}".strip() if amount else ""


def _format_availability(available: Json) -> str | None:
    if not isinstance(available, bool):
        return None
    return "in_stock" if available else "out_of_stock"


def _search(expression: str | None, value: Json) -> Json:
    return None if expression is None else compile_expression(expression).search(value)


def _format(value: Json) -> str:
    """Text of a scalar on one line, markup as it is; empty for anything else."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value).strip() if isinstance(value, str | int) else ""


def _list_texts(value: Json) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [*dict.fromkeys(text for each in values if (text := _format(each)))]
