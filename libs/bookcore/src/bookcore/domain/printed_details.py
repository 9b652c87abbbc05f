"""Printed facts of an edition <-> Details; a printed value must parse."""

import re
from dataclasses import dataclass
from decimal import Decimal

from bookcore.domain.details import NO_DETAILS, Details
from bookcore.domain.rejection import InvalidField, check_text, is_whole_number

_AUTHORS = 100
_SIZE = re.compile(
    r"(\d{1,4}(?:\.\d{1,2})?) ?x ?(\d{1,4}(?:\.\d{1,2})?)(?: ?x ?(\d{1,4}(?:\.\d{1,2})?))? ?(mm|cm)",
    re.ASCII,
)
_WEIGHT = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?(g|kg)", re.ASCII)
_PUBLISHED = re.compile(r"(1[0-9]{3}|20[0-9]{2})(-(0[1-9]|1[0-2])(-([0-2][0-9]|3[01]))?)?", re.ASCII)
_MILLIMETRES = {"mm": 1, "cm": 10}
_GRAMS = {"g": 1, "kg": 1_000}
_MOST = {"pages": 99_999, "mm": 5_000, "g": 100_000}
_LENGTH = {"authors": 2_000, "publisher": 300, "format": 100, "edition": 200, "language": 60, "isbn": 40}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedDetails:
    """Facts of an edition as printed: authors separated by `;`, `published` as YYYY, YYYY-MM or YYYY-MM-DD,
    `dimensions` as width x height [x thickness] in mm or cm, `weight` in g or kg."""

    authors: str | None = None
    publisher: str | None = None
    published: str | None = None
    pages: str | None = None
    format: str | None = None
    edition: str | None = None
    language: str | None = None
    dimensions: str | None = None
    weight: str | None = None
    isbn: str | None = None
    average_rating: str | None = None


def parse_details(printed: PrintedDetails) -> Details:
    """Raises: InvalidField for a value that does not parse."""
    width, height, thickness = parse_dimensions(printed.dimensions)
    return Details(
        authors=_parse_authors(printed.authors),
        publisher=_check_text("publisher", printed.publisher),
        year=parse_year(printed.published),
        pages=parse_pages(printed.pages),
        format=_check_text("format", printed.format),
        edition=_check_text("edition", printed.edition),
        language=_check_text("language", printed.language),
        width_mm=width,
        height_mm=height,
        thickness_mm=thickness,
        weight_g=parse_weight(printed.weight),
    )


def print_details(details: Details) -> PrintedDetails:
    """Inverse of parse_details."""
    sizes = [s for s in (details.width_mm, details.height_mm, details.thickness_mm) if s is not None]
    return PrintedDetails(
        authors="; ".join(details.authors) or None,
        publisher=details.publisher,
        published=_format_number(details.year),
        pages=_format_number(details.pages),
        format=details.format,
        edition=details.edition,
        language=details.language,
        dimensions=f"{' x '.join(map(str, sizes))} mm" if sizes else None,
        weight=None if details.weight_g is None else f"{details.weight_g} g",
    )


def has_no_details(printed: PrintedDetails, details: Details) -> bool:
    """Whether neither the print nor the book has any detail."""
    return details == NO_DETAILS and printed == PrintedDetails()


def parse_isbn13(printed: str) -> str:
    """The 13 digits of an ISBN-10 or ISBN-13, hyphens ignored.

    Raises: InvalidField when the check digit is wrong.
    """
    text = (_check_text("isbn", printed) or "").replace("-", "").replace(" ", "").upper()
    if re.fullmatch(r"[0-9]{9}[0-9X]", text, re.ASCII):
        digits = [10 if c == "X" else int(c) for c in text]
        if sum(weight * digit for weight, digit in zip(range(10, 0, -1), digits, strict=True)) % 11 == 0:
            return _add_check_digit(f"978{text[:9]}")
    elif re.fullmatch(r"97[89][0-9]{10}", text, re.ASCII) and _add_check_digit(text[:12]) == text:
        return text
    raise InvalidField("isbn", "is no ISBN with a right check digit", printed)


def convert_to_isbn13(text: str) -> str | None:
    """The 13 digits of a typed ISBN-10 or ISBN-13; None for anything else."""
    try:
        return parse_isbn13(text)
    except InvalidField:
        return None


def parse_average_rating(printed: str) -> str:
    """A mean of stars, 0 to 5 with at most two decimals, as plain text.

    Raises: InvalidField for any other value.
    """
    if not re.fullmatch(r"[0-5](\.[0-9]{1,2})?", printed, re.ASCII) or Decimal(printed) > 5:
        raise InvalidField("average_rating", "is not a number from 0 to 5", printed)
    return printed


def _add_check_digit(twelve: str) -> str:
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve))
    return f"{twelve}{-total % 10}"


def _check_text(field: str, text: str | None) -> str | None:
    return check_text(field, text, longest=_LENGTH[field])


def _parse_authors(text: str | None) -> tuple[str, ...]:
    found = tuple(name.strip() for name in (_check_text("authors", text) or "").split(";") if name.strip())
    if len(found) > _AUTHORS:
        raise InvalidField("authors", f"are more than {_AUTHORS}", text)
    return found


def parse_year(text: str | None) -> int | None:
    """The year of YYYY, YYYY-MM or YYYY-MM-DD. Raises: InvalidField."""
    if not text:
        return None
    if not _PUBLISHED.fullmatch(text):
        raise InvalidField("published", "is not YYYY, YYYY-MM or YYYY-MM-DD", text)
    return int(text[:4])


def parse_pages(text: str | None) -> int | None:
    """Raises: InvalidField."""
    if not text:
        return None
    if not is_whole_number(text) or not 1 <= int(text) <= _MOST["pages"]:
        raise InvalidField("pages", f"is not a whole number from 1 to {_MOST['pages']}", text)
    return int(text)


def parse_dimensions(text: str | None) -> tuple[int | None, int | None, int | None]:
    """Width, height and thickness in mm. Raises: InvalidField."""
    if not text:
        return None, None, None
    match = _SIZE.fullmatch(text)
    if not match:
        raise InvalidField("dimensions", "is not width x height [x thickness] in mm or cm", text)
    scale = _MILLIMETRES[match[4]]
    sizes = [None if part is None else round(Decimal(part) * scale) for part in match.groups()[:3]]
    if any(size is not None and not 0 < size <= _MOST["mm"] for size in sizes):
        raise InvalidField("dimensions", f"is not within 1 to {_MOST['mm']} mm", text)
    width, height, thickness = sizes
    return width, height, thickness


def parse_weight(text: str | None) -> int | None:
    """Grams. Raises: InvalidField."""
    if not text:
        return None
    match = _WEIGHT.fullmatch(text)
    grams = round(Decimal(match[1]) * _GRAMS[match[2]]) if match else 0
    if not 0 < grams <= _MOST["g"]:
        raise InvalidField("weight", f"is not within 1 to {_MOST['g']} g", text)
    return grams


def _format_number(number: int | None) -> str | None:
    return None if number is None else str(number)
