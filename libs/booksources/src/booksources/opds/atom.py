"""OPDS 1: an Atom feed of entries."""

from collections.abc import Iterator
from dataclasses import replace

from bookcore.domain.printed_listing import (
    PrintedContributor,
    PrintedListing,
    PrintedOffer,
    PrintedSeries,
    PrintedSubject,
)
from booksources.cleaning.addresses import resolve_address
from booksources.cleaning.dates import DateNotation, read_date
from booksources.cleaning.html_text import convert_html_to_text, read_element_text
from booksources.cleaning.remarks import RemarkLog
from booksources.cleaning.source_ids import make_source_id
from booksources.cleaning.xml_events import (
    Element,
    encode_element,
    free_element,
    get_local_name,
    iterate_events,
    read_line,
)
from booksources.opds.identifiers import read_identifiers
from booksources.opds.links import COVERS, build_offer, is_acquisition
from booksources.reading import Document, Gone, Link, Listing, Parked, ReadItem, SourceProfile, Total

_SCHEMES = {"lcsh": "lcsh", "lcc": "lcc", "ddc": "dewey", "bisac": "bisac", "bic": "bic", "thema": "thema"}
_NO_SUBJECTS = ("audience", "typicalagerange", "target-age", "fiction", "readinglevel")


def read_atom(document: Document, profile: SourceProfile) -> Iterator[ReadItem]:
    """Entries as listings; entries that lead to another feed as links."""
    number = 0
    for event, element in iterate_events(document.body):
        name = get_local_name(element)
        parent = element.getparent()
        if event == "start" or parent is None or parent.getparent() is not None:
            continue  # only children of the feed
        if name == "entry":
            number += 1
            yield from _read_entry(number, element, document, profile)
        elif name == "deleted-entry":
            yield _read_deleted(element)
        elif name == "link" and element.attrib.get("rel") == "next":
            if url := resolve_address(document.url, element.attrib.get("href")):
                yield Link("next", url)
        elif name == "totalResults" and read_line(element).isdecimal():
            yield Total(int(read_line(element)[:9]))
        free_element(element)


def _read_deleted(element: Element) -> Gone:
    """A tombstone of RFC 6721."""
    comment = next((read_line(child) for child in element), "")
    return Gone(make_source_id(element.attrib.get("ref", "")), comment or "the feed deleted the entry")


def _read_entry(
    number: int, entry: Element, document: Document, profile: SourceProfile
) -> Iterator[ReadItem]:
    key = _get_text(entry, "id")
    links = [child for child in entry if get_local_name(child) == "link"]
    if not any(is_acquisition(link.attrib.get("rel", "")) for link in links):
        feeds = [link for link in links if "application/atom+xml" in link.attrib.get("type", "")]
        feeds = [link for link in feeds if "type=entry" not in link.attrib.get("type", "")]
        if feeds:
            url = resolve_address(document.url, feeds[0].attrib.get("href"))
            yield from [Link("list", url)] if url else []
            return
    printed = _parse_entry(entry, links, document.url, profile)
    if not key or not printed.title:
        yield Parked(f"entry {number}", encode_element(entry), "has no id" if not key else "has no title")
        return
    yield Listing(
        make_source_id(key),
        _find_page(links, document.url),
        replace(printed, currency=profile.currency, territory=profile.territory),
    )


def _parse_entry(entry: Element, links: list[Element], base: str, profile: SourceProfile) -> PrintedListing:
    remarks = RemarkLog()
    notation = DateNotation(profile.language)
    offers = [_read_offer(link, base, profile, remarks) for link in links]
    identifiers = [_get_text(entry, "id"), *_list_texts(entry, "identifier")]
    published = _get_text(entry, "issued") or _get_text(entry, "published")
    date = remarks.read("published", published.partition("T")[0], lambda text: read_date(text, notation))
    return PrintedListing(
        title=_get_text(entry, "title") or None,
        subtitle=_get_text(entry, "alternativeHeadline") or None,
        contributors=_read_people(entry),
        identifiers=read_identifiers(identifiers),
        publisher=_get_text(entry, "publisher") or None,
        published=date,
        languages=tuple(_list_texts(entry, "language")),
        series=_read_series(entry),
        subjects=tuple(_read_subjects(entry)),
        category=next((subject.heading for subject in _read_subjects(entry)), None),
        description=_read_description(entry) or None,
        covers=_read_covers(links, base),
        offers=tuple(offer for offer in offers if offer is not None),
        remarks=remarks.remarks,
    )


def _read_people(entry: Element) -> tuple[PrintedContributor, ...]:
    found = []
    for child in entry:
        role = get_local_name(child)
        if role in ("author", "contributor"):
            name, sort_name = _get_text(child, "name"), _get_text(child, "sort_name")
            if name or sort_name:
                found.append(
                    PrintedContributor(name=name or sort_name, sort_name=sort_name or None, role=role)
                )
    return tuple(found)


def _read_series(entry: Element) -> tuple[PrintedSeries, ...]:
    found = []
    for child in entry:
        if get_local_name(child).lower() == "series":
            named = {name.rpartition("}")[2]: value for name, value in child.attrib.items()}
            if name := named.get("name", "").strip():
                found.append(PrintedSeries(name=name, number=named.get("position") or None))
    return tuple(found)


def _read_subjects(entry: Element) -> Iterator[PrintedSubject]:
    for child in entry:
        if get_local_name(child) == "category":
            scheme = child.attrib.get("scheme", "").lower()
            heading = child.attrib.get("label") or child.attrib.get("term")
            if heading and not scheme.endswith(_NO_SUBJECTS):
                known = next((name for part, name in _SCHEMES.items() if part in scheme), "keyword")
                yield PrintedSubject(scheme=known, code=child.attrib.get("term"), heading=heading)


def _read_description(entry: Element) -> str:
    texts = {get_local_name(child): child for child in entry}
    place = texts.get("content") if "content" in texts else texts.get("summary")
    found = convert_html_to_text(read_element_text(place)) if place is not None else ""
    summary = texts.get("summary")
    return found or ("" if summary is None else convert_html_to_text(read_element_text(summary)))


def _read_covers(links: list[Element], base: str) -> tuple[str, ...]:
    found = [
        resolve_address(base, link.attrib.get("href"))
        for relation in COVERS
        for link in links
        if link.attrib.get("rel") == relation
    ]
    return tuple(dict.fromkeys(url for url in found if url))


def _read_offer(link: Element, base: str, profile: SourceProfile, remarks: RemarkLog) -> PrintedOffer | None:
    relation = link.attrib.get("rel", "")
    if not is_acquisition(relation):
        return None
    price = next((child for child in link if get_local_name(child) == "price"), None)
    printed = None
    if price is not None:
        currency = price.attrib.get("currencycode") or price.attrib.get("currency") or ""
        printed = f"{read_line(price)} {currency}".strip()
    return build_offer(relation, printed, resolve_address(base, link.attrib.get("href")), profile, remarks)


def _find_page(links: list[Element], base: str) -> str:
    """The page for people, else the entry's own document; empty when there is neither."""
    pages = [link for link in links if link.attrib.get("rel") == "alternate"]
    pages.sort(key=lambda link: "html" not in link.attrib.get("type", ""))
    pages += [link for link in links if link.attrib.get("rel") == "self"]
    return next((url for link in pages if (url := resolve_address(base, link.attrib.get("href")))), "")


def _list_texts(element: Element, name: str) -> list[str]:
    found = (read_line(child) for child in element if get_local_name(child) == name)
    return [*dict.fromkeys(text for text in found if text)]


def _get_text(element: Element, name: str) -> str:
    return next(iter(_list_texts(element, name)), "")
