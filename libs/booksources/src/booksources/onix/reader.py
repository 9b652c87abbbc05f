"""ONIX for Books (2.1, 3.0, 3.1; reference names and short tags) as rows, one product at a time.

A row has the columns of product.COLUMNS as text; missing values are empty. Code lists are EDItEUR's.
"""

from collections.abc import Iterator
from typing import IO

from lxml import etree  # type: ignore[import-untyped]  # ships no types; Element is what we use of it

from booksources.onix.elements import Element, MessageDefaults, get_name, parse_header
from booksources.onix.product import parse_product
from booksources.onix.xml_text import SanitizedXml

_LEVELS = {"onixmessage": 1, "product": 0}


class MalformedMessage(Exception):
    """The file is no XML, ends early, or is no ONIX message."""


def read_products(body: IO[bytes], *, encoding: str | None = None) -> Iterator[dict[str, str]]:
    """A row for each product; elements are freed once read, so that memory stays flat.

    Reads nothing outside of the file: no DTD, no external entity. Raises: MalformedMessage, Invalid for a
    file that declares entities.
    """
    events = etree.iterparse(
        SanitizedXml(body, encoding=encoding),
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
        yield from _read_rows(events)
    except etree.XMLSyntaxError as error:
        raise MalformedMessage(str(error.msg)) from error


def _read_rows(events: Iterator[tuple[str, Element]]) -> Iterator[dict[str, str]]:
    defaults, has_products, depth, level = MessageDefaults(), False, 0, 0
    for event, element in events:
        name = get_name(element)
        if event == "start":
            if not depth:
                level = _find_product_depth(name)
            depth += 1
            continue
        depth -= 1
        if depth != level:
            continue
        if name == "header":
            defaults = parse_header(element)
        elif name == "product":
            has_products = True
            yield parse_product(element, defaults)
        _free_element(element)
    if not has_products:
        raise MalformedMessage("it has no products")


def _find_product_depth(root: str) -> int:
    """Depth of the product elements: 0 for a product without a message around it."""
    if root not in _LEVELS:
        raise MalformedMessage(f"its root is <{root[:60]}>, not an ONIX message")
    return _LEVELS[root]


def _free_element(element: Element) -> None:
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]
