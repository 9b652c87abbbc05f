"""A book of a page -> its printed listing."""

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from bookcore.domain.errors import Invalid
from bookcore.domain.printed_listing import (
    PrintedContributor,
    PrintedListing,
    PrintedSeries,
    PrintedSubject,
)
from booksources.cleaning.dates import DateNotation, read_date
from booksources.cleaning.html_text import convert_html_to_text
from booksources.cleaning.isbn import read_isbn
from booksources.cleaning.people import read_people
from booksources.cleaning.remarks import RemarkLog
from booksources.cleaning.units import format_weight
from booksources.reading import SourceProfile
from booksources.schema_org.candidates import find_isbn
from booksources.schema_org.json_ld import BrokenBlock
from booksources.schema_org.node import Node, shorten_term
from booksources.schema_org.offers import OfferReader
from booksources.web_pages.elements import resolve_link

_ROLES = {
    "author": "author",
    "creator": "author",
    "editor": "editor",
    "illustrator": "illustrator",
    "translator": "translator",
    "readBy": "narrator",
    "contributor": "contributor",
}
_GTINS = ("gtin13", "gtin", "gtin14", "gtin12", "gtin8")
_SERIES = frozenset({"BookSeries", "CreativeWorkSeries", "Book"})
_MOST_COVERS = 20
_MOST_SUBJECTS = 50
_PAGES = re.compile(r"(\d{1,6})(?:\s*(?:pages?|pp?\.?|Seiten|pages))?", re.IGNORECASE)
_UNITS = {"GRM": "g", "KGM": "kg", "LBR": "pounds", "ONZ": "ounces"}
"""UN/CEFACT codes of schema.org's unitCode."""


class ListingReader:
    """Reads books of one page. `base`: what its links are relative to."""

    def __init__(self, profile: SourceProfile, base: str) -> None:
        self._profile = profile
        self._base = base

    def read(self, thing: Node, broken: tuple[BrokenBlock, ...] = ()) -> PrintedListing:
        """Facts and offers; what can't be read, blocks of the page included, becomes a remark."""
        remarks = RemarkLog()
        for block in broken:
            remarks.add("json_ld", block.text, block.reason)
        offers = OfferReader(self._profile, remarks, self._base).read(thing)
        notation = DateNotation(self._profile.language)
        pages = remarks.read("pages", thing.get_text("numberOfPages"), _parse_pages)
        published = thing.get_text("datePublished", "releaseDate", "copyrightYear")
        weight = remarks.read("weight", _print_weight(thing), _parse_weight)
        average = remarks.read("average_rating", _print_rating(thing), _parse_average)
        return PrintedListing(
            title=_clean_line(thing.get_text("name", "headline", "title")),
            subtitle=_clean_line(thing.get_text("alternativeHeadline", "subtitle")),
            contributors=tuple(dict.fromkeys(_list_contributors(thing))),
            identifiers=_read_identifiers(thing, remarks),
            publisher=_clean_line(thing.get_text("publisher")),
            published=remarks.read("published", published, lambda text: read_date(text, notation)),
            format=_read_format(thing),
            pages=pages,
            languages=tuple(dict.fromkeys(thing.iterate_texts("inLanguage"))),
            series=tuple(_list_series(thing)),
            subjects=tuple(dict.fromkeys(_list_subjects(thing)))[:_MOST_SUBJECTS],
            category=_read_category(thing),
            description=_clean(thing.get_text("description", "abstract")),
            covers=tuple(dict.fromkeys(self._list_covers(thing)))[:_MOST_COVERS],
            weight=weight,
            edition=_clean_line(thing.get_text("bookEdition")),
            average_rating=average,
            reviews=_read_reviews(thing),
            offers=offers,
            territory=self._profile.territory,
            currency=self._profile.currency,
            remarks=remarks.remarks,
        )

    def _list_covers(self, thing: Node) -> Iterator[str]:
        for value in thing.properties.get("image", ()):
            link = value if isinstance(value, str) else value.get_text("contentUrl", "url", "@id")
            address = resolve_link(self._base, link) if link else None
            if address and address.startswith(("http://", "https://")):
                yield address


def _clean(text: str | None) -> str | None:
    return (convert_html_to_text(text) or None) if text else None


def _clean_line(text: str | None) -> str | None:
    return " ".join((_clean(text) or "").split()) or None


def _list_contributors(thing: Node) -> Iterator[PrintedContributor]:
    """A text may name several people; a thing is one."""
    for name, role in _ROLES.items():
        for value in thing.properties.get(name, ()):
            clean = _clean_line(value if isinstance(value, str) else _compose_name(value))
            if not clean or "://" in clean:
                continue
            people = read_people(clean) if isinstance(value, str) else (PrintedContributor(name=clean),)
            for person in people:
                yield replace(person, role=role) if person.role == "author" else person


def _compose_name(person: Node) -> str | None:
    """A person's name; a role of the vocabulary holds the person again."""
    inner = next(person.iterate_nodes("author", "contributor", "editor"), None)
    parts = [text for name in ("givenName", "familyName") if (text := person.get_text(name))]
    return person.get_text("name") or " ".join(parts) or (inner.get_text("name") if inner else None)


def _read_identifiers(thing: Node, remarks: RemarkLog) -> dict[str, str]:
    found: dict[str, str] = {}
    isbn = find_isbn(thing)
    if isbn:
        found["isbn"] = isbn
    elif printed := thing.get_text("isbn"):
        remarks.read("identifiers.isbn", printed, read_isbn)
    gtin = next((text for text in thing.iterate_texts(*_GTINS) if text.isascii() and text.isdecimal()), None)
    if gtin and gtin != isbn and not (isbn and gtin.startswith(("978", "979"))):
        found["gtin"] = gtin
    if sku := thing.get_text("sku"):
        found["sku"] = sku
    return found


def _read_format(thing: Node) -> str | None:
    text = thing.get_text("bookFormat")
    if not text:
        return None
    word = shorten_term(text)
    return _clean(
        re.sub(r"(?<=[a-z])(?=[A-Z])", " ", word).removesuffix(" Format") if "://" in text else word
    )


def _parse_pages(text: str) -> str:
    match = _PAGES.fullmatch(text.strip())
    if not match or int(match[1]) == 0:
        raise Invalid("is no number of pages")
    return match[1]


def _list_series(thing: Node) -> Iterator[PrintedSeries]:
    for value in thing.properties.get("isPartOf", ()):
        if isinstance(value, Node) and value.types and not value.has_type(_SERIES):
            continue
        name = _clean(value if isinstance(value, str) else value.get_text("name"))
        if name and "://" not in name:
            yield PrintedSeries(name=name, number=thing.get_text("position", "volumeNumber"))


def _list_subjects(thing: Node) -> Iterator[PrintedSubject]:
    for text in thing.iterate_texts("genre", "about"):
        heading = _clean(text)
        if heading and "://" not in heading:
            yield PrintedSubject(scheme="keyword", heading=heading)


def _read_category(thing: Node) -> str | None:
    """The last step of a path of categories."""
    text = _clean(thing.get_text("category") or thing.get_text("genre"))
    if not text or "://" in text:
        return None
    return re.split(r"\s*(?:>|»|/)\s*", text)[-1] or None


def _print_weight(thing: Node) -> str | None:
    for value in thing.properties.get("weight", ()):
        if isinstance(value, str):
            return value
        unit = value.get_text("unitText") or value.get_text("unitCode") or ""
        return f"{value.get_text('value') or ''} {_UNITS.get(unit.upper(), unit)}".strip()
    return None


def _parse_weight(text: str) -> str:
    weight = format_weight(text)
    if weight is None:
        raise Invalid("is no weight with a known unit")
    return weight


def _print_rating(thing: Node) -> str | None:
    """`4.5` of five, or `9 of 10`."""
    rating = next(thing.iterate_nodes("aggregateRating"), None)
    value = rating.get_text("ratingValue") if rating else None
    best = rating.get_text("bestRating") if rating else None
    return f"{value} of {best}" if value and best else value


def _parse_average(text: str) -> str:
    value, _, best = text.replace(",", ".").partition(" of ")
    try:
        average = Decimal(value) * 5 / Decimal(best or "5")
    except (InvalidOperation, ZeroDivisionError) as error:
        raise Invalid("is no rating") from error
    if not 0 <= average <= 5:
        raise Invalid("is not between 0 and the best rating")
    return f"{average.quantize(Decimal('0.01')).normalize():f}"


def _read_reviews(thing: Node) -> str | None:
    rating = next(thing.iterate_nodes("aggregateRating"), None)
    text = rating.get_text("reviewCount", "ratingCount") if rating else None
    plain = (text or "").replace(",", "").strip()
    return plain if plain.isascii() and plain.isdecimal() else None
