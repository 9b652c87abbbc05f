"""OPDS 2: a JSON feed of publications."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

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
from booksources.cleaning.remarks import RemarkLog
from booksources.cleaning.source_ids import make_source_id
from booksources.opds.identifiers import read_identifiers
from booksources.opds.links import build_offer, is_acquisition
from booksources.reading import Document, Link, Listing, Parked, ReadItem, SourceProfile, Total

Json = Mapping[str, Any]  # Any: JSON
_LANGUAGE = re.compile(r"und|[a-z]{2}(?:-[A-Za-z]{2,4})?")
_LARGEST = 64 << 20  # bytes
_ROLES = ("author", "translator", "editor", "illustrator", "artist", "narrator", "contributor")


def read_publications(document: Document, profile: SourceProfile) -> Iterator[ReadItem]:
    """Publications as listings, also those within groups; navigation as links.

    Raises: Invalid when the document is no OPDS feed, or larger than 64 MiB.
    """
    feed = _parse_feed(document)
    total = _get_object(feed, "metadata").get("numberOfItems")
    if isinstance(total, int):
        yield Total(total)
    yield from _list_links(feed, document.url)
    number = 0
    for place in (feed, *_list_objects(feed, "groups")):
        for publication in _list_objects(place, "publications"):
            number += 1
            yield _read_publication(number, publication, document, profile)


def _parse_feed(document: Document) -> Json:
    body = document.body.read(_LARGEST + 1)
    if len(body) > _LARGEST:
        raise Invalid("is larger than 64 MiB", field="document")
    try:
        feed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid("is no JSON, or ends early", field="document") from error
    if not isinstance(feed, dict) or not {"publications", "navigation", "groups"} & feed.keys():
        raise Invalid("is no OPDS feed: it has no publications, groups or navigation", field="document")
    return feed


def _list_links(feed: Json, base: str) -> Iterator[Link]:
    for link in _list_objects(feed, "links"):
        url = resolve_address(base, _get_text(link.get("href")))
        if "next" in _list_texts(link.get("rel")) and url:
            yield Link("next", url)
    for link in _list_objects(feed, "navigation"):
        if url := resolve_address(base, _get_text(link.get("href"))):
            yield Link("list", url)


def _read_publication(number: int, publication: Json, document: Document, profile: SourceProfile) -> ReadItem:
    metadata, links = _get_object(publication, "metadata"), _list_objects(publication, "links")
    own = [link for link in links if "self" in _list_texts(link.get("rel"))]
    page = next(
        (url for link in own if (url := resolve_address(document.url, _get_text(link.get("href"))))), ""
    )
    key = _get_text(metadata.get("identifier")) or page
    title = _get_text(metadata.get("title"))
    if not key or not title:
        reason = "has no title" if key else "has no identifier"
        return Parked(f"publication {number}", orjson.dumps(publication), reason)
    printed = _parse_publication(publication, document.url, profile)
    return Listing(make_source_id(key), page, printed)


def _parse_publication(publication: Json, base: str, profile: SourceProfile) -> PrintedListing:
    metadata, remarks = _get_object(publication, "metadata"), RemarkLog()
    published = _get_text(metadata.get("published")).partition("T")[0]
    notation = DateNotation(profile.language)
    offers = [
        offer
        for link in _list_objects(publication, "links")
        if (offer := _read_offer(link, base, profile, remarks)) is not None
    ]
    subjects = tuple(_read_subjects(metadata))
    identifiers = [*_list_texts(metadata.get("identifier")), *_list_texts(metadata.get("altIdentifier"))]
    pages = metadata.get("numberOfPages")
    return PrintedListing(
        title=_get_text(metadata.get("title")),
        subtitle=_get_text(metadata.get("subtitle")) or None,
        contributors=tuple(_read_people(metadata)),
        identifiers=read_identifiers(identifiers),
        publisher=_get_text(metadata.get("publisher")) or None,
        imprint=_get_text(metadata.get("imprint")) or None,
        published=remarks.read(
            "published", published.partition("T")[0], lambda text: read_date(text, notation)
        ),
        pages=str(pages) if isinstance(pages, int) and pages > 0 else None,
        languages=tuple(_list_texts(metadata.get("language"))),
        series=tuple(_read_series(metadata)),
        subjects=subjects,
        category=next((subject.heading for subject in subjects), None),
        description=convert_html_to_text(_get_text(metadata.get("description"))) or None,
        covers=_read_covers(publication, base),
        offers=tuple(offers),
        currency=profile.currency,
        territory=profile.territory,
        remarks=remarks.remarks,
    )


def _read_offer(link: Json, base: str, profile: SourceProfile, remarks: RemarkLog) -> PrintedOffer | None:
    relation = next((text for text in _list_texts(link.get("rel")) if is_acquisition(text)), None)
    if relation is None:
        return None
    price = _get_object(_get_object(link, "properties"), "price")
    printed = f"{price.get('value')} {_get_text(price.get('currency'))}".strip() if price else None
    return build_offer(
        relation, printed, resolve_address(base, _get_text(link.get("href"))), profile, remarks
    )


def _read_people(metadata: Json) -> Iterator[PrintedContributor]:
    for role in _ROLES:
        for person in _as_list(metadata.get(role)):
            if name := _get_text(person):
                sort_name = _get_text(person.get("sortAs")) if isinstance(person, dict) else ""
                yield PrintedContributor(name=name, sort_name=sort_name or None, role=role)


def _read_series(metadata: Json) -> Iterator[PrintedSeries]:
    belongs = _get_object(metadata, "belongsTo") or _get_object(metadata, "belongs_to")
    for series in _as_list(belongs.get("series")):
        if name := _get_text(series):
            position = series.get("position") if isinstance(series, dict) else None
            yield PrintedSeries(name=name, number=None if position is None else f"{position:g}")


def _read_subjects(metadata: Json) -> Iterator[PrintedSubject]:
    for subject in _as_list(metadata.get("subject")):
        scheme = _get_text(subject.get("scheme")).lower() if isinstance(subject, dict) else ""
        heading = _get_text(subject)
        if heading and not scheme.endswith(("audience", "typicalagerange")):
            code = _get_text(subject.get("code")) if isinstance(subject, dict) else ""
            known = next((name for name in ("bisac", "thema", "bic", "lcsh") if name in scheme), "keyword")
            yield PrintedSubject(scheme=known, code=code or None, heading=heading)


def _read_covers(publication: Json, base: str) -> tuple[str, ...]:
    """The largest image first."""
    images = sorted(_list_objects(publication, "images"), key=_get_height, reverse=True)
    found = (resolve_address(base, _get_text(image.get("href"))) for image in images)
    return tuple(dict.fromkeys(url for url in found if url))


def _get_height(image: Json) -> int:
    height = image.get("height")
    return height if isinstance(height, int) else 0


def _get_text(value: object) -> str:
    """Text of a string, of an object's `name`, of the first text of a list, or of any language of a map."""
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, dict):
        named = value.get("name", next(iter(value.values()), None) if _is_language_map(value) else None)
        return _get_text(named)
    if isinstance(value, list):
        return next((text for each in value if (text := _get_text(each))), "")
    return ""


def _is_language_map(value: Json) -> bool:
    return bool(value) and all(map(_LANGUAGE.fullmatch, value))


def _list_texts(value: object) -> list[str]:
    return [text for each in _as_list(value) if (text := _get_text(each))]


def _as_list(value: object) -> list[Any]:  # Any: JSON
    return value if isinstance(value, list) else [] if value is None else [value]


def _get_object(value: Json, name: str) -> Json:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _list_objects(value: Json, name: str) -> list[Json]:
    return [each for each in _as_list(value.get(name)) if isinstance(each, dict)]
