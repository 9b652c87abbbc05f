"""A thing of schema.org's vocabulary, whichever syntax stated it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True)
class Node:
    """`types` and the names of `properties` are the vocabulary's own words, without its address."""

    types: tuple[str, ...] = ()
    properties: Mapping[str, "tuple[str | Node, ...]"] = field(default_factory=dict)
    id: str | None = None

    def get_text(self, *names: str) -> str | None:
        """The first value of the first property that has one; of a thing, its name or value."""
        return next(self.iterate_texts(*names), None)

    def iterate_texts(self, *names: str) -> Iterator[str]:
        """Texts of the properties; of a thing, its name, value or address."""
        for name in names:
            for value in self.properties.get(name, ()):
                text = value if isinstance(value, str) else value.get_text("name", "value", "url", "@id")
                if text and text.strip():
                    yield text.strip()

    def iterate_nodes(self, *names: str) -> "Iterator[Node]":
        """Things among the values of the properties."""
        for name in names:
            for value in self.properties.get(name, ()):
                if isinstance(value, Node):
                    yield value

    def has_type(self, types: frozenset[str]) -> bool:
        """Whether it is of one of the types."""
        return any(each in types for each in self.types)

    def complete(self, other: Self) -> "Node":
        """This thing, with the properties that only the other one states."""
        types = tuple(dict.fromkeys(self.types + other.types))
        return Node(types, {**other.properties, **self.properties}, self.id or other.id)


def shorten_term(term: str) -> str:
    """`https://schema.org/InStock` and `schema:InStock` as `InStock`."""
    head = term.strip().rstrip("/#")
    if head.startswith(("http://", "https://", "//")):
        return head.rpartition("/")[2].rpartition("#")[2]
    return head.removeprefix("schema:")
