"""Bibliographic facts of a printed listing -> Details; a wrong value costs its field."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import TypeVar

from bookcore.domain.details import Contributor, Details, Series, Subject
from bookcore.domain.languages import normalise_language
from bookcore.domain.printed_details import parse_dimensions, parse_pages, parse_weight, parse_year
from bookcore.domain.printed_listing import PrintedListing
from bookcore.domain.printed_offers import parse_web_address
from bookcore.domain.rejection import InvalidField, check_text
from bookcore.domain.remarks import RemarkCollector

_MOST = 100
_LONGEST = {
    "subtitle": 1_000,
    "category": 200,
    "description": 100_000,
    "publisher": 300,
    "imprint": 300,
    "format": 100,
    "edition": 200,
    "languages": 60,
    "contributors": 500,
    "series": 300,
    "subjects": 300,
}
_Part = TypeVar("_Part")
_WORD = re.compile(r"[a-z0-9_ -]{1,40}", re.ASCII)
_AVERAGE = re.compile(r"[0-5](\.[0-9]{1,9})?", re.ASCII)


def parse_listing_details(
    printed: PrintedListing, covers: tuple[str, ...], remarks: RemarkCollector
) -> Details:
    """The simple forms (authors, year, language) are those of contributors, published and languages."""
    contributors = tuple(_read_contributors(printed, remarks))
    stated = _read_texts("languages", printed.languages, remarks)
    languages = tuple(dict.fromkeys(map(normalise_language, stated)))
    published = remarks.read("published", printed.published, parse_published)
    width, height, thickness = remarks.read("dimensions", printed.dimensions, _parse_size) or (None,) * 3
    return Details(
        authors=tuple(each.name for each in contributors if each.role == "author"),
        publisher=_read_text("publisher", printed.publisher, remarks),
        year=parse_year(published),
        pages=remarks.read("pages", printed.pages, parse_pages),
        format=_read_text("format", printed.format, remarks),
        edition=_read_text("edition", printed.edition, remarks),
        language=languages[0] if languages else None,
        width_mm=width,
        height_mm=height,
        thickness_mm=thickness,
        weight_g=remarks.read("weight", printed.weight, _parse_grams),
        subtitle=_read_text("subtitle", printed.subtitle, remarks),
        contributors=contributors,
        imprint=_read_text("imprint", printed.imprint, remarks),
        published=published,
        languages=languages,
        series=tuple(_read_series(printed, remarks)),
        subjects=tuple(_read_subjects(printed, remarks)),
        covers=covers,
    )


def parse_covers(printed: Sequence[str], remarks: RemarkCollector) -> tuple[str, ...]:
    """The http(s) addresses, each once."""
    found = [
        remarks.read("covers", each.strip(), parse_web_address) for each in _limit("covers", printed, remarks)
    ]
    return tuple(dict.fromkeys(each for each in found if each))


def parse_text(field: str) -> Callable[[str], str | None]:
    """A parser of that field's text; it raises InvalidField for one that is too long or damaged."""
    return lambda text: check_text(field, text.strip(), longest=_LONGEST[field])


def parse_average(text: str) -> str:
    """A mean of stars, 0 to 5, rounded to two decimals. Raises: InvalidField."""
    if not _AVERAGE.fullmatch(text) or Decimal(text) > 5:
        raise InvalidField("average_rating", "is not a number from 0 to 5", text)
    return text if len(text) <= len("4.25") else str(round(Decimal(text), 2))


def parse_published(text: str) -> str:
    """YYYY, YYYY-MM or YYYY-MM-DD, which exists. Raises: InvalidField."""
    parse_year(text)
    try:
        date.fromisoformat(text + "-01-01"[len(text) - len("2026") :])
    except ValueError as error:
        raise InvalidField("published", "is no day of the calendar", text) from error
    return text


def _read_text(field: str, text: str | None, remarks: RemarkCollector) -> str | None:
    return remarks.read(field, text, parse_text(field))


def _read_texts(field: str, printed: Sequence[str], remarks: RemarkCollector) -> Iterator[str]:
    for text in _limit(field, printed, remarks):
        if value := _read_text(field, text, remarks):
            yield value


def _read_contributors(printed: PrintedListing, remarks: RemarkCollector) -> Iterator[Contributor]:
    for each in _limit("contributors", printed.contributors, remarks):
        if name := _read_text("contributors", each.name, remarks):
            role = remarks.read("contributors.role", each.role, _parse_role)
            sort_name = _read_text("contributors", each.sort_name, remarks)
            yield Contributor(name, sort_name, role or "contributor")


def _read_series(printed: PrintedListing, remarks: RemarkCollector) -> Iterator[Series]:
    for each in _limit("series", printed.series, remarks):
        if name := _read_text("series", each.name, remarks):
            yield Series(name, _read_text("series", each.number, remarks))


def _read_subjects(printed: PrintedListing, remarks: RemarkCollector) -> Iterator[Subject]:
    for each in _limit("subjects", printed.subjects, remarks):
        code = _read_text("subjects", each.code, remarks)
        heading = _read_text("subjects", each.heading, remarks)
        scheme = remarks.read("subjects.scheme", each.scheme, _parse_role)
        if scheme and (code or heading):
            yield Subject(scheme, code, heading)


def _limit(field: str, printed: Sequence[_Part], remarks: RemarkCollector) -> Sequence[_Part]:
    if len(printed) > _MOST:
        remarks.add(field, f"{len(printed)} of them", f"are more than {_MOST}; the first {_MOST} are kept")
    return printed[:_MOST]


def _parse_role(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise InvalidField("role", "is not a word of 1-40 of a-z, 0-9, _", text)
    return text


def _parse_size(text: str) -> tuple[int | None, int | None, int | None]:
    return parse_dimensions(_add_unit(text, "mm"))


def _parse_grams(text: str) -> int | None:
    return parse_weight(_add_unit(text, "g"))


def _add_unit(text: str, unit: str) -> str:
    """Numbers without a unit are in that one."""
    return text if text[-1:].isalpha() else f"{text} {unit}"
