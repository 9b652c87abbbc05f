"""Reads ONIX elements; short tags are translated to reference names, all in lower case."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from booksources.cleaning.xml_events import Element, read_line
from booksources.onix.dates import parse_sent_at
from booksources.onix.short_tags import REFERENCE_NAMES


@dataclass(frozen=True, slots=True)
class MessageDefaults:
    """Defaults of the message's header for all products."""

    currency: str = ""
    price_type: str = ""
    language: str = ""
    sent_at: datetime | None = None


def get_name(element: Element) -> str:
    """Reference name in lower case without namespace; empty for comments and processing instructions."""
    tag = element.tag
    return _translate_tag(tag) if isinstance(tag, str) else ""


@lru_cache(4_096)
def _translate_tag(tag: str) -> str:
    """Cached: a product has its names looked up a thousand times."""
    name = tag.rpartition("}")[2].lower()
    return REFERENCE_NAMES.get(name, name)


def find_children(element: Element, *names: str) -> Iterator[Element]:
    """Children with one of the names."""
    return (child for child in element if get_name(child) in names)


def find_descendants(element: Element, *names: str) -> Iterator[Element]:
    """Descendants with one of the names."""
    return (descendant for descendant in element.iter() if get_name(descendant) in names)


def get_text(element: Element | None, *names: str) -> str:
    """Text of the first named child that has text; of the element itself without names."""
    if element is None:
        return ""
    elements = find_children(element, *names) if names else iter([element])
    return next((text for each in elements if (text := read_line(each))), "")


def find_child(element: Element | None, *names: str) -> Element | None:
    """The first child with one of the names."""
    return None if element is None else next(find_children(element, *names), None)


def get_date_format(date: Element | None) -> str:
    """The format that the date element itself names; empty for none."""
    return date.attrib.get("dateformat", "") if date is not None else ""


def parse_header(header: Element) -> MessageDefaults:
    """Defaults of <Header>."""
    return MessageDefaults(
        currency=get_text(header, "defaultcurrencycode"),
        price_type=get_text(header, "defaultpricetype", "defaultpricetypecode"),
        language=get_text(header, "defaultlanguageoftext"),
        sent_at=parse_sent_at(get_text(header, "sentdatetime", "sentdate")),
    )
