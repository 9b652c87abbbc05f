"""Parses XML of strangers as a stream of elements."""

from collections.abc import Iterator, Mapping
from typing import IO, Protocol

from lxml import etree  # type: ignore[import-untyped]  # ships no types; Element is what we use of it

from bookcore.domain.errors import Invalid
from booksources.cleaning.xml_text import SanitizedXml


class Element(Protocol):
    """The used part of lxml's element, which ships no types."""

    tag: object
    attrib: Mapping[str, str]
    text: str | None

    def __iter__(self) -> Iterator["Element"]: ...
    def __len__(self) -> int: ...

    def iter(self) -> Iterator["Element"]:
        """Itself and all descendants."""
        ...

    def itertext(self) -> Iterator[str]:
        """Its text and that of all descendants."""
        ...

    def clear(self) -> None:
        """Remove its content."""
        ...

    def getparent(self) -> "Element | None":
        """Its parent."""
        ...

    def getprevious(self) -> "Element | None":
        """Its previous sibling."""
        ...

    def __delitem__(self, place: int) -> None: ...


class MalformedXml(Invalid):
    """The document is no XML, or ends early."""


def iterate_events(body: IO[bytes]) -> Iterator[tuple[str, Element]]:
    """(`start` or `end`, element) in document order.

    Reads nothing outside of the file: no DTD, no external entity. Raises, while reading: MalformedXml,
    Invalid for a file that declares entities or an unknown encoding.
    """
    events = etree.iterparse(
        SanitizedXml(body),
        events=("start", "end"),
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
        huge_tree=False,
    )
    try:
        yield from events
    except etree.XMLSyntaxError as error:
        raise MalformedXml(str(error.msg)) from error


def free_element(element: Element) -> None:
    """Drop what was read, so that memory stays flat."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def get_local_name(element: Element) -> str:
    """Name without namespace; empty for comments and processing instructions."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def read_line(element: Element | None) -> str:
    """Text of the element with its descendants on one line; empty without an element."""
    return "" if element is None else " ".join("".join(map(str, element.itertext())).split())


def encode_element(element: Element) -> bytes:
    """The element as XML."""
    return bytes(etree.tostring(element, encoding="utf-8"))
