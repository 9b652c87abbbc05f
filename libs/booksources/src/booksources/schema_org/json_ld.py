"""JSON-LD blocks of a page -> things; a broken block costs only itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from bookcore.domain.errors import Invalid
from booksources.schema_org.json_repair import parse_json
from booksources.schema_org.node import Node, shorten_term
from booksources.web_pages.elements import PageElement

_DEEPEST = 12
_MOST_VALUES = 2_000
_LITERALS = ("@value",)
_LISTS = ("@list", "@set")
_Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class BrokenBlock:
    """A block that can't be read. `number` counts the page's JSON-LD blocks from 1."""

    number: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class JsonLd:
    """Things at the top of the blocks, in the page's order."""

    nodes: tuple[Node, ...] = ()
    broken: tuple[BrokenBlock, ...] = ()


def read_json_ld(page: PageElement) -> JsonLd:
    """All blocks of the page; things refer to each other by `@id` across blocks."""
    objects: list[_Json] = []
    broken: list[BrokenBlock] = []
    for number, text in enumerate(_list_blocks(page), 1):
        try:
            objects += [each for value in parse_json(text) for each in _list_objects(value)]
        except Invalid as error:
            broken.append(BrokenBlock(number, text.strip(), error.reason))
    builder = _NodeBuilder(_index_objects(objects))
    return JsonLd(tuple(builder.build(each) for each in objects), tuple(broken))


def _list_blocks(page: PageElement) -> Iterator[str]:
    for script in page.iter("script"):
        if "ld+json" in script.get("type", "").lower():
            text = "".join(script.itertext())
            if text.strip():
                yield text


def _list_objects(value: object) -> Iterator[_Json]:
    """Objects of a list, and those of an object's `@graph`; an object that is nothing but a graph is none."""
    if isinstance(value, list):
        for each in value:
            yield from _list_objects(each)
    elif isinstance(value, dict):
        if "@type" in value or not value.get("@graph"):
            yield value
        yield from _list_objects(value.get("@graph"))


def _index_objects(objects: list[_Json]) -> Mapping[str, _Json]:
    """Objects by `@id`, nested ones included; what several state of one thing is joined."""
    index: dict[str, _Json] = {}
    waiting: list[object] = list(objects)
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            key = value.get("@id")
            if isinstance(key, str) and len(value) > 1:
                index[key] = {**value, **index.get(key, {})}
            waiting += value.values()
    return index


class _NodeBuilder:
    def __init__(self, index: Mapping[str, _Json]) -> None:
        self._index = index

    def build(self, source: _Json, path: tuple[str, ...] = ()) -> Node:
        """`path`: ids of the things around it; a reference to one of them is not followed."""
        key = source.get("@id")
        if isinstance(key, str):
            source = {**self._index.get(key, {}), **source}
        path = (*path, key if isinstance(key, str) else "")
        properties = {
            shorten_term(name): tuple(self._read_values(value, path))
            for name, value in source.items()
            if not name.startswith("@")
        }
        found = {name: values for name, values in properties.items() if values}
        if isinstance(key, str):
            found["@id"] = (key,)
        types = tuple(shorten_term(each) for each in _list_texts(source.get("@type")))
        return Node(types, found, key if isinstance(key, str) else None)

    def _read_values(self, value: object, path: tuple[str, ...]) -> Iterator[str | Node]:
        if isinstance(value, list):
            for each in value[:_MOST_VALUES]:
                yield from self._read_values(each, path)
        elif isinstance(value, dict):
            yield from self._read_object(cast(_Json, value), path)
        elif (text := _format_literal(value)) is not None:
            yield text

    def _read_object(self, value: _Json, path: tuple[str, ...]) -> Iterator[str | Node]:
        for name in (*_LITERALS, *_LISTS):
            if name in value:
                yield from self._read_values(value[name], path)
                return
        key = value.get("@id")
        if len(path) < _DEEPEST and not (isinstance(key, str) and key in path):
            yield self.build(value, path)


def _list_texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]


def _format_literal(value: object) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() and abs(value.adjusted()) < 30 else None
    return str(value) if isinstance(value, int) else None
