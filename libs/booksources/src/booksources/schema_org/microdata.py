"""Microdata of a page -> things."""

from collections.abc import Iterator

from booksources.schema_org.node import Node, shorten_term
from booksources.web_pages.elements import PageElement, resolve_link

_DEEPEST = 12
_ADDRESSES = {
    "a": "href",
    "area": "href",
    "link": "href",
    "img": "src",
    "audio": "src",
    "embed": "src",
    "iframe": "src",
    "source": "src",
    "track": "src",
    "video": "src",
    "object": "data",
}
_VALUES = {"data": "value", "meter": "value", "time": "datetime"}


def read_microdata(page: PageElement, base: str) -> tuple[Node, ...]:
    """Things that are no part of another one, in the page's order."""
    reader = _MicrodataReader(page, base)
    tops = page.findall(".//*[@itemscope]")
    return tuple(reader.build(top) for top in tops if not top.get("itemprop", ""))


class _MicrodataReader:
    def __init__(self, page: PageElement, base: str) -> None:
        self._page = page
        self._base = base

    def build(self, scope: PageElement, depth: int = 0) -> Node:
        """The thing of an element with `itemscope`."""
        found: dict[str, list[str | Node]] = {}
        for element in self._list_properties(scope):
            value = self._read_value(element, depth)
            if value:
                for name in element.get("itemprop", "").split():
                    found.setdefault(shorten_term(name), []).append(value)
        types = tuple(shorten_term(each) for each in scope.get("itemtype", "").split())
        return Node(
            types, {name: tuple(values) for name, values in found.items()}, scope.get("itemid", "") or None
        )

    def _list_properties(self, scope: PageElement) -> Iterator[PageElement]:
        """Elements with `itemprop` of this thing, not of the things within it."""
        waiting = [*reversed(list(scope))]
        for name in scope.get("itemref", "").split():
            referred = self._find_by_id(name)
            if referred is not None:
                waiting.append(referred)
        while waiting:
            element = waiting.pop()
            if not isinstance(element.tag, str):
                continue  # a comment
            if element.get("itemprop", ""):
                yield element
            if element.get("itemscope", "-") == "-":
                waiting += reversed(list(element))

    def _find_by_id(self, name: str) -> PageElement | None:
        if '"' in name or "'" in name:
            return None
        return self._page.find(f".//*[@id='{name}']")

    def _read_value(self, element: PageElement, depth: int) -> str | Node | None:
        if element.get("itemscope", "-") != "-":
            return self.build(element, depth + 1) if depth < _DEEPEST else None
        content = element.get("content", "")
        if content.strip():
            return content.strip()
        if element.tag in _ADDRESSES:
            address = element.get(_ADDRESSES[element.tag], "")
            return resolve_link(self._base, address) if address.strip() else None
        stated = element.get(_VALUES[element.tag], "") if element.tag in _VALUES else ""
        return stated.strip() or " ".join("".join(element.itertext()).split()) or None
