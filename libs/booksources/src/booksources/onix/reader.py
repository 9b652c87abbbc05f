"""ONIX for Books (2.1, 3.0, 3.1; reference names and short tags) as rows: one product at a time.

A row has the columns of onix_product.COLUMNS, as text; what the product doesn't say is empty. Code lists are
EDItEUR's.
"""

from collections.abc import Iterator
from typing import IO

from lxml import etree  # type: ignore[import-untyped]  # ships no types; Element is what we use of it

from booksources.onix.elements import Defaults, Element, defaults_of, name_of
from booksources.onix.product import row_of
from booksources.onix.xml_text import CleanXml

_LEVELS = {"onixmessage": 1, "product": 0}


class Damaged(Exception):
    """The XML ends early or isn't XML."""


def products(body: IO[bytes], *, encoding: str | None = None) -> Iterator[dict[str, str]]:
    """A row for each product; what was read is dropped, so that memory stays flat.

    Nothing outside of the file is read: no DTD, no entity. Raises: Damaged, Invalid for entities of its own.
    """
    events = etree.iterparse(
        CleanXml(body, encoding=encoding),
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
        yield from _rows(events)
    except etree.XMLSyntaxError as error:
        raise Damaged(str(error.msg)) from error


def _rows(events: Iterator[tuple[str, Element]]) -> Iterator[dict[str, str]]:
    defaults, seen, depth, level = Defaults(), False, 0, 0
    for event, element in events:
        name = name_of(element)
        if event == "start":
            if not depth:
                level = _level_of_products(name)
            depth += 1
            continue
        depth -= 1
        if depth != level:
            continue
        if name == "header":
            defaults = defaults_of(element)
        elif name == "product":
            seen = True
            yield row_of(element, defaults)
        _forget(element)
    if not seen:
        raise Damaged("it has no products")


def _level_of_products(root: str) -> int:
    """0 where a product stands alone, without a message around it."""
    if root not in _LEVELS:
        raise Damaged(f"its root is <{root[:60]}>, not an ONIX message")
    return _LEVELS[root]


def _forget(element: Element) -> None:
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]
