"""Bibliographic facts of an edition, beyond title and price."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

PlainDetails = Mapping[str, str | int | list[str] | list[dict[str, str]]]
"""The stated facts as plain JSON values."""


@dataclass(frozen=True, slots=True)
class Contributor:
    """A person or body with the name as shown, the name to sort by, and a word of MARC's relator list."""

    name: str
    sort_name: str | None = None
    role: str = "author"


@dataclass(frozen=True, slots=True)
class Series:
    """A series and the edition's number in it."""

    name: str
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject by scheme (`bisac`, `thema`, `keyword`), with a code, a heading or both."""

    scheme: str
    code: str | None = None
    heading: str | None = None


@dataclass(frozen=True, slots=True)
class Details:
    """Facts of the printed edition; None or empty where the source states nothing. Lengths in mm, weight
    in g.

    `authors`, `year` and `language` are the simple form of `contributors`, `published` (YYYY, YYYY-MM or
    YYYY-MM-DD) and `languages` (one ISO 639 code for each, or a word that names none that is known). The ISBN
    is one of the book's identifiers (`isbn13`), not a detail.
    """

    authors: tuple[str, ...] = ()
    publisher: str | None = None
    year: int | None = None
    pages: int | None = None
    format: str | None = None
    edition: str | None = None
    language: str | None = None
    width_mm: int | None = None
    height_mm: int | None = None
    thickness_mm: int | None = None
    weight_g: int | None = None
    subtitle: str | None = None
    contributors: tuple[Contributor, ...] = ()
    imprint: str | None = None
    published: str | None = None
    languages: tuple[str, ...] = ()
    series: tuple[Series, ...] = ()
    subjects: tuple[Subject, ...] = ()
    covers: tuple[str, ...] = ()

    @property
    def plain(self) -> PlainDetails | None:
        """The stated facts as plain JSON values; None when there are none."""
        if self == NO_DETAILS:
            return None
        return {name: _to_plain(value) for name in _NAMES if (value := getattr(self, name)) not in (None, ())}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any] | None) -> "Details":  # Any: JSON
        """Inverse of `plain`; null values count as not stated."""
        if not plain:
            return NO_DETAILS
        stated = {name: value for name, value in plain.items() if value is not None}
        return cls(**{name: _read(name, value) for name, value in stated.items()})


NO_DETAILS = Details()
"""Of a book whose source prints none."""
_NAMES = tuple(f.name for f in fields(Details))
_PARTS = {"contributors": Contributor, "series": Series, "subjects": Subject}


def _to_plain(value: Any) -> Any:  # Any: JSON
    return [_to_plain_part(part) for part in value] if isinstance(value, tuple) else value


def _to_plain_part(part: Any) -> str | dict[str, str]:  # Any: text or one of _PARTS
    return part if isinstance(part, str) else {k: v for k, v in asdict(part).items() if v is not None}


def _read(name: str, value: Any) -> Any:  # Any: JSON
    if name in _PARTS:
        return tuple(_PARTS[name](**part) for part in value)
    return tuple(value) if isinstance(value, list | tuple) else value
