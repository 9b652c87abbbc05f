"""Imports make no circle, between modules nor between rooms, and no room of the gateway outgrows the
others.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import grimp
import pytest
from docs.generate import ROOT

PACKAGES = (
    *("bookcore", "bookml", "booksources", "scraper", "ingestor", "books_api", "search_api", "ml_api"),
    *("trainer", "gateway", "bookstream", "devstack", "sample_shop"),
)
Graph = Mapping[str, set[str]]


@cache
def build_graph(package: str) -> Graph:
    """Module -> modules of the same package that it imports."""
    graph = grimp.build_graph(package)
    return {name: graph.find_modules_directly_imported_by(name) & graph.modules for name in graph.modules}


def get_room(package: str, module: str) -> str:
    """The subpackage or top-level module that a module stands in."""
    return module.removeprefix(f"{package}.").split(".")[0]


def find_circles(graph: Graph) -> Iterator[list[str]]:
    """Strongly connected components of more than one node (Kosaraju), sorted."""
    order: list[str] = []
    visited: set[str] = set()

    def visit(start: str) -> None:
        stack = [(start, iter(sorted(graph.get(start, ()))))]
        visited.add(start)
        while stack:
            node, targets = stack[-1]
            following = next((target for target in targets if target not in visited), None)
            if following is None:
                order.append(node)
                stack.pop()
            else:
                visited.add(following)
                stack.append((following, iter(sorted(graph.get(following, ())))))

    for name in sorted(graph):
        if name not in visited:
            visit(name)
    importers: dict[str, set[str]] = defaultdict(set)
    for name, targets in graph.items():
        for target in targets:
            importers[target].add(name)
    assigned: set[str] = set()
    for name in reversed(order):
        component, waiting = [], [name]
        while waiting:
            node = waiting.pop()
            if node not in assigned:
                assigned.add(node)
                component.append(node)
                waiting += importers[node] - assigned
        if len(component) > 1:
            yield sorted(component)


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_import_each_other_without_a_circle(package: str) -> None:
    assert list(find_circles(build_graph(package))) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_import_each_other_without_a_circle(package: str) -> None:
    rooms: dict[str, set[str]] = defaultdict(set)
    for name, targets in build_graph(package).items():
        room = get_room(package, name)
        if name != package:
            rooms[room] |= {get_room(package, target) for target in targets if target != package} - {room}
    assert list(find_circles(rooms)) == []


def test_no_room_of_the_gateway_has_more_than_a_fifth_of_its_lines() -> None:
    source = ROOT / "gateway/src/gateway"
    lines: dict[str, int] = defaultdict(int)
    for path in source.rglob("*.py"):
        lines[Path(path.relative_to(source)).parts[0]] += path.read_text().count("\n")
    limit = sum(lines.values()) / 5
    assert {room: count for room, count in lines.items() if count > limit} == {}


def test_a_circle_is_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set[str]()}
    assert list(find_circles(graph)) == [["a", "b", "c"]]
