"""Converts a bibliographic record to a listing; fields are those of MARC 21 Bibliographic."""

import re
from collections.abc import Iterator

from pymarc import Field, Record

from bookcore.domain.printed_listing import (
    PrintedContributor,
    PrintedListing,
    PrintedSeries,
    PrintedSubject,
)
from booksources.cleaning.dates import DateNotation, read_date
from booksources.cleaning.isbn import read_isbn
from booksources.cleaning.names import order_name
from booksources.cleaning.remarks import RemarkLog

_ENGLISH = DateNotation("en")
_END = re.compile(r"\s*[/:;,=]\s*$|(?<=[\w)\]]{4})\.\s*$")
_PAGES = re.compile(r"(\d{1,5})\s*(?:p\b|pages|S\.|s\.|leaves)", re.ASCII)
_HEIGHT = re.compile(r"(\d{1,3})\s*cm", re.ASCII)
_ISBN = re.compile(r"[0-9Xx-]{9,17}")
_RELATORS = {
    "aut": "author",
    "edt": "editor",
    "trl": "translator",
    "ill": "illustrator",
    "nrt": "narrator",
    "aui": "author of introduction",
    "com": "compiler",
    "pht": "photographer",
    "cmp": "composer",
}
_TERMS = ("author", "editor", "translator", "illustrator", "narrator", "compiler", "photographer", "composer")
_SUBJECT_FIELDS = ("600", "610", "630", "650", "651", "655")
_NOTES = ("520", "505")
_LANGUAGE = slice(35, 38)


def parse_record(record: Record) -> PrintedListing:
    """What the record states; control numbers and holdings are not facts of the book."""
    remarks = RemarkLog()
    title, subtitle = _read_title(record)
    identifiers = _read_identifiers(record, remarks)
    subjects = tuple(_read_subjects(record))
    return PrintedListing(
        title=title,
        subtitle=subtitle,
        contributors=tuple(_read_contributors(record)),
        identifiers=identifiers,
        publisher=_read_publication(record, "b"),
        published=_read_published(record, remarks),
        pages=_search(_PAGES, _get_text(record, "300", "a")),
        languages=tuple(_read_languages(record)),
        series=tuple(_read_series(record)),
        subjects=subjects,
        category=next((subject.heading for subject in subjects if subject.heading), None),
        description=next((text for tag in _NOTES if (text := _get_text(record, tag, "a"))), None),
        edition=_trim(_get_text(record, "250", "a")),
        attributes=_read_attributes(record),
        remarks=remarks.remarks,
    )


def _read_title(record: Record) -> tuple[str | None, str | None]:
    for field in record.get_fields("245"):
        parts = [_trim(text) for text in field.get_subfields("a", "n", "p")]
        title = ". ".join(part for part in parts if part)
        subtitle = _trim(" ".join(field.get_subfields("b")))
        return title or subtitle, subtitle if title else None
    return None, None


def _read_contributors(record: Record) -> Iterator[PrintedContributor]:
    for field in record.get_fields("100", "110", "111", "700", "710", "711"):
        name = _trim(" ".join(field.get_subfields("a", "b")))
        if not name or (field.tag.startswith("7") and field.get_subfields("t")):
            continue  # an entry with a title is a related work
        is_person = field.tag.endswith("00")
        yield PrintedContributor(
            name=order_name(name) if is_person else name,
            sort_name=name if is_person else None,
            role=_read_role(field),
        )


def _read_role(field: Field) -> str:
    for code in field.get_subfields("4"):
        if known := _RELATORS.get(code.strip().rpartition("/")[2][:3].lower()):
            return known
    for term in field.get_subfields("e"):
        if known := next((word for word in _TERMS if word in term.lower()), None):
            return known
    return "author" if field.tag.startswith("1") else "contributor"


def _read_identifiers(record: Record, remarks: RemarkLog) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in record.get_fields("020"):
        for text in field.get_subfields("a"):
            bare = _search(_ISBN, text, group=0)
            isbn = remarks.read("isbn", bare or text, read_isbn)
            if isbn:
                found.setdefault("isbn", isbn)
    if lccn := _get_text(record, "010", "a"):
        found["lccn"] = lccn
    for text in (value for field in record.get_fields("035") for value in field.get_subfields("a")):
        if text.startswith("(OCoLC)"):
            found.setdefault("oclc", re.sub(r"\D", "", text))
    return found


def _read_publication(record: Record, code: str) -> str | None:
    """Of 264 only the entry for publication (second indicator 1) counts."""
    fields = [field for field in record.get_fields("264") if field.indicator2 == "1"]
    for field in (*fields, *record.get_fields("260")):
        for text in field.get_subfields(code):
            if trimmed := _trim(text):
                return trimmed.strip("[]")
    return None


def _read_published(record: Record, remarks: RemarkLog) -> str | None:
    """The printed date, else the first date of 008."""
    printed = _read_publication(record, "c")
    plain = re.sub(r"(?:^|(?<=[\s\[]))[c\u00a9p](?=\d{4})|\[|\]|ca\.?\s", "", printed or "").strip(" .")
    fixed = record["008"].data or "" if "008" in record else ""
    year = fixed[7:11] if re.fullmatch(r"[12]\d{3}", fixed[7:11], re.ASCII) else None
    if re.fullmatch(r"\d{4}(?:-\d\d(?:-\d\d)?)?", plain, re.ASCII):
        return remarks.read("published", plain, lambda text: read_date(text, _ENGLISH))
    if year is None and printed:
        return remarks.read("published", plain, lambda text: read_date(text, _ENGLISH))
    return year


def _read_languages(record: Record) -> Iterator[str]:
    """041 $a where it is there, else 008; `und`, `mul` and `zxx` state no language."""
    codes = [code for field in record.get_fields("041") for code in field.get_subfields("a")]
    fixed = record["008"].data or "" if "008" in record else ""
    for text in codes or [fixed[_LANGUAGE]]:
        for start in range(0, len(text) - 2, 3):
            code = text[start : start + 3].lower()
            if code.isalpha() and code not in ("und", "mul", "zxx"):
                yield code


def _read_series(record: Record) -> Iterator[PrintedSeries]:
    for field in record.get_fields("490") or record.get_fields("440", "830"):
        name = _trim(next(iter(field.get_subfields("a")), ""))
        if name:
            yield PrintedSeries(name=name, number=_trim(next(iter(field.get_subfields("v")), "")))


def _read_subjects(record: Record) -> Iterator[PrintedSubject]:
    for field in record.get_fields("082"):
        if code := next(iter(field.get_subfields("a")), "").replace("/", "").strip():
            yield PrintedSubject(scheme="dewey", code=code)
    for field in record.get_fields("050"):
        if code := next(iter(field.get_subfields("a")), "").strip():
            yield PrintedSubject(scheme="lcc", code=code)
    for field in record.get_fields(*_SUBJECT_FIELDS):
        parts = field.get_subfields("a", "b", "x", "y", "z", "v")
        heading = " -- ".join(part for text in parts if (part := _trim(text)))
        if heading:
            yield PrintedSubject(scheme="lcsh" if field.indicator2 == "0" else "subject", heading=heading)


def _read_attributes(record: Record) -> dict[str, str]:
    """`terms` as the record prints them: a price of the day on which the book was catalogued is no offer."""
    terms = _get_text(record, "020", "c")
    height = _search(_HEIGHT, _get_text(record, "300", "c"))
    return ({"terms": terms} if terms else {}) | ({"height_mm": str(int(height) * 10)} if height else {})


def _get_text(record: Record, tag: str, code: str) -> str:
    for field in record.get_fields(tag):
        for text in field.get_subfields(code):
            if text.strip():
                return " ".join(text.split())
    return ""


def _trim(text: str | None) -> str | None:
    """Without the punctuation that separates the parts of a description (ISBD)."""
    return _END.sub("", " ".join((text or "").split())).strip() or None


def _search(pattern: re.Pattern[str], text: str, group: int = 1) -> str | None:
    match = pattern.search(text)
    return match[group] if match else None
