"""Names: a function is a verb in the imperative, a class name means one thing, a docstring is no filler."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.architecture.test_budgets import FunctionNode, Module, product, tracked

__all__ = ["product"]

VERBS = set((Path(__file__).parent / "verbs.txt").read_text().split())
QUESTIONS = {
    "is",
    "has",
    "can",
    "may",
    "should",
    "needs",
    "allows",
    "matches",
    "exists",
    "contains",
    "owns",
    "covers",
}
"""First words of functions that answer yes or no."""
CONVERSIONS = {"from", "to", "as", "with", "without", "on", "main", "now", "monotonic"}
"""Forms of the field: from_bytes, to_json, as_dict, with_suffix, on_drain, clock.now, clock.monotonic."""
PARTICIPLES = {
    *(
        "told",
        "said",
        "made",
        "found",
        "kept",
        "known",
        "seen",
        "shown",
        "grown",
        "fitted",
        "sifted",
        "judged",
        "begun",
    ),
    *(
        "owed",
        "held",
        "settled",
        "parted",
        "agreed",
        "landed",
        "taken",
        "given",
        "left",
        "whole",
        "line",
        "thing",
    ),
}
HOOKS = {
    # asyncio
    "connection_made",
    "connection_lost",
    "data_received",
    "eof_received",
    "pause_writing",
    "resume_writing",
    # ASGI and FastAPI
    "lifespan",
    "startup",
    "shutdown",
    "openapi",
    "receive",
    # logging, csv, io and psycopg2
    "emit",
    "readline",
    "readinto",
    # lxml's and parsel's own interface
    "getparent",
    "getprevious",
    "getnext",
    "iter",
    "itertext",
    "findall",
    "find",
    "xpath",
    "css",
    # Scrapy's scheduler and log formatter
    "next_request",
    "crawled",
    "scraped",
    "dropped",
    # http.server
    "do_GET",
    "do_HEAD",
    "version_string",
    # Alembic
    "upgrade",
    "downgrade",
}
"""Names that a library prescribes."""


def read_functions(module: Module) -> Iterator[FunctionNode]:
    """Functions and methods except properties, special methods and hooks of libraries."""
    for function in module.functions():
        decorators = [ast.unparse(each) for each in function.decorator_list]
        is_noun = any("property" in text or text.endswith(".setter") for text in decorators)
        if not (is_noun or function.name.startswith("__") or function.name == "_" or function.name in HOOKS):
            yield function


def is_verb(name: str) -> bool:
    first = name.strip("_").split("_")[0]
    return first in VERBS | QUESTIONS | CONVERSIONS and name.strip("_") not in PARTICIPLES


def is_named_here(module: Module) -> bool:
    """Migrations are named by Alembic."""
    return "migrations" not in module.path.parts


def test_functions_are_verbs_in_the_imperative(product: list[Module]) -> None:
    odd = [
        f"{module.path}:{function.name}"
        for module in filter(is_named_here, product)
        for function in read_functions(module)
        if not is_verb(function.name) and "testing" not in module.path.parts
    ]
    assert odd == []


def test_a_public_class_name_means_one_thing_in_a_distribution(product: list[Module]) -> None:
    places: Mapping[tuple[str, str], list[str]] = defaultdict(list)
    for module in product:
        distribution = str(module.path).partition("/src/")[0]
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[distribution, node.name].append(str(module.path))
    assert {key: paths for key, paths in places.items() if len(paths) > 1} == {}


def test_docstrings_are_no_filler(product: list[Module]) -> None:
    filler = [
        f"{module.path}:{getattr(node, 'name', 'module')}"
        for module in product
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Module)
        and (ast.get_docstring(node) or "").startswith("As ")
    ]
    assert filler == []


@pytest.mark.parametrize("name", ["told", "letters_of", "known", "option", "_answered", "line"])
def test_a_participle_or_a_noun_is_found(name: str) -> None:
    assert not is_verb(name)


def test_the_verbs_are_listed_once() -> None:
    words = (Path(__file__).parent / "verbs.txt").read_text().split()
    assert sorted(words) == sorted(set(words))
    assert tracked("*.py")
