"""The merged OpenAPI document is fit for people and for generators, and no change of it breaks a client."""

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy

import jsonschema_rs
import pytest
from docs.compatibility import RELEASED, find_breaking_changes
from docs.generate import build_merged_openapi

from bookcore.kit.auth import Scope
from bookcore.kit.openapi import JSON_LINES, SCHEMAS, Document, list_operations, list_problems
from bookcore.kit.problem import PROBLEMS
from gateway.api.openapi_merge import get_scopes

MERGED = build_merged_openapi()
OPEN = {"/health/live", "/health/ready", "/v1/plans", "/.well-known/jwks.json"}
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, item in MERGED["paths"].items()
    for method, operation in list_operations(item).items()
}
Change = Callable[[Document], object]


def contents(operation: Document) -> Iterator[Document]:
    """Every JSON body that goes in or out when all goes well."""
    answers = [r for status, r in operation["responses"].items() if status.startswith("2")]
    for part in [operation.get("requestBody", {}), *answers]:
        if "application/json" in part.get("content", {}):
            yield part["content"]["application/json"]


def references(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from references(one)
    elif isinstance(value, dict):
        yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
        for one in value.values():
            yield from references(one)


def test_operation_ids_are_unique_and_read_like_a_verb_and_a_noun() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)
    assert [name for name in ids if not re.fullmatch(r"[a-z]+(_[a-z]+){0,4}", name)] == []


@pytest.mark.parametrize("where", OPERATIONS)
def test_an_operation_is_summed_up_described_tagged_and_shown_by_example(where: str) -> None:
    operation = OPERATIONS[where]
    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"]
    missing = [c for c in contents(operation) if c.get("example") is None]
    assert missing == []


@pytest.mark.parametrize("where", OPERATIONS)
def test_the_examples_of_an_operation_are_of_its_schemas(where: str) -> None:
    for content in contents(OPERATIONS[where]):
        schema = {**content["schema"], "components": MERGED["components"]}
        problem = next(jsonschema_rs.Draft202012Validator(schema).iter_errors(content["example"]), None)
        assert problem is None, problem


@pytest.mark.parametrize("where", OPERATIONS)
def test_an_operation_lists_every_problem_that_it_may_return(where: str) -> None:
    operation, listed = OPERATIONS[where], set(list_problems(OPERATIONS[where]))
    expected = {"internal", "unavailable"}
    if not where.endswith(tuple(OPEN)) or where.endswith("/v1/plans"):
        expected |= {"too-many-requests"}
    if operation.get("security"):
        expected |= {"unauthorized", "forbidden"}
    if "requestBody" in operation:
        expected |= {"invalid", "too-large"}
    if "parameters" in operation:
        expected |= {"invalid"}
    if where.startswith(("GET /v1/books", "GET /v1/search")):
        expected |= {"bad-gateway", "timeout"}
    assert expected <= listed <= set(PROBLEMS)


@pytest.mark.parametrize("where", OPERATIONS)
def test_an_operation_is_open_on_purpose_or_asks_for_a_token(where: str) -> None:
    method, path = where.split()
    needs_session = path in ("/v1/auth/logout", "/v1/auth/logout-everywhere")
    is_signing_in = path.startswith("/v1/auth/") and not needs_session
    assert bool(OPERATIONS[where].get("security")) is not (path in OPEN or is_signing_in)
    assert get_scopes(OPERATIONS[where]) <= set(Scope)
    if path.startswith(("/v1/books", "/v1/categories", "/v1/statistics")):
        assert get_scopes(OPERATIONS[where]) == {"books:read" if method == "GET" else "books:write"}


@pytest.mark.parametrize("where", OPERATIONS)
def test_every_parameter_of_an_operation_is_described(where: str) -> None:
    bare = [each["name"] for each in OPERATIONS[where].get("parameters", []) if not each.get("description")]
    assert bare == []


LISTS = [
    where
    for where in OPERATIONS
    if where.startswith("GET /v1/")
    and OPERATIONS[where]["operationId"].startswith(("list_", "search_", "suggest"))
]


@pytest.mark.parametrize("where", LISTS)
def test_every_list_is_an_object_with_items_and_next(where: str) -> None:
    for content in contents(OPERATIONS[where]):
        assert {"items", "next"} <= set(content["example"])


@pytest.mark.parametrize("where", OPERATIONS)
def test_no_list_has_a_smaller_limit_than_another(where: str) -> None:
    limits = [p["schema"] for p in OPERATIONS[where].get("parameters", []) if p["name"] == "limit"]
    most = {limit["maximum"] for limit in limits if "maximum" in limit}
    assert most <= ({20} if where.endswith("/suggest") else {200})


def test_streams_of_json_lines_have_one_media_type() -> None:
    kinds = {kind for op in OPERATIONS.values() for kind in op["responses"].get("200", {}).get("content", {})}
    assert {kind for kind in kinds if "json" in kind} == {
        "application/json",
        "application/ld+json",
        JSON_LINES,
    }


def test_every_example_is_of_its_schema() -> None:
    wrong = []
    for schema, example in find_examples(MERGED):
        checked = {**schema, "components": MERGED["components"]}
        wrong += [(example, str(e)) for e in jsonschema_rs.Draft202012Validator(checked).iter_errors(example)]
    assert wrong == []


def find_examples(part: object) -> Iterator[tuple[Document, object]]:
    """(schema, example) of every example in the document."""
    if isinstance(part, list):
        for one in part:
            yield from find_examples(one)
    if not isinstance(part, dict):
        return
    schema = part.get("schema")
    if isinstance(schema, dict):
        named = [one["value"] for one in part.get("examples", {}).values()]
        for example in [*named, *([part["example"]] if "example" in part else [])]:
            yield schema, example
    elif isinstance(part.get("examples"), list):
        for example in part["examples"]:
            yield part, example
    for one in part.values():
        yield from find_examples(one)


def test_the_document_says_where_it_is_served_its_licence_and_what_is_open() -> None:
    assert [server["url"] for server in MERGED["servers"]] == ["/"]
    assert MERGED["info"]["license"]["identifier"] == "Apache-2.0"
    assert [where for where, operation in OPERATIONS.items() if "security" not in operation] == []


def test_every_schema_is_used_and_every_tag_described() -> None:
    used = {ref.removeprefix(SCHEMAS) for ref in references(MERGED)}
    assert set(MERGED["components"]["schemas"]) == used
    tags = {tag for operation in OPERATIONS.values() for tag in operation["tags"]}
    assert tags == {tag["name"] for tag in MERGED["tags"] if tag["description"]}


def test_every_reference_leads_somewhere_and_every_name_suits_a_generator() -> None:
    schemas = MERGED["components"]["schemas"]
    assert {ref.removeprefix(SCHEMAS) for ref in references(MERGED)} - set(schemas) == set()
    assert [name for name in schemas if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name)] == []


ALLOWED = {
    f"GET /v1/categories: response 200{change}": "every list has items and next; there was no name to keep"
    for change in (" may be object", "[] lost category", "[] lost books")
}
_PRICED = {
    "GET /v1/books": "200.items[].price",
    "GET /v1/books/{book_id}": "200.price",
    "GET /v1/search": "200.items[].book.price",
    "PATCH /v1/books/{book_id}": "200.price",
    "POST /v1/books": "201.price",
}
ALLOWED |= {
    f"{where}: response {price} {change}": "a book may have no price, and 0 would be a wrong one"
    for where, price in _PRICED.items()
    for change in ("may be null", "lost amount", "lost currency")
}
"""Breaking changes on purpose, each with its reason; the changelog names them."""


def test_the_document_has_no_breaking_change_since_the_release() -> None:
    assert set(find_breaking_changes(json.loads(RELEASED.read_text()), MERGED)) == set(ALLOWED)


def _books(document: Document) -> Document:
    found: Document = document["paths"]["/v1/books"]["get"]
    return found


def _schema(document: Document, name: str) -> Document:
    found: Document = document["components"]["schemas"][name]
    return found


def _property(document: Document, schema: str, name: str) -> Document:
    found: Document = _schema(document, schema)["properties"][name]
    return found


BREAKING: dict[str, Change] = {
    "GET /v1/books: was removed": lambda d: d["paths"]["/v1/books"].pop("get"),
    "GET /v1/books: operation id changed to x": lambda d: _books(d).update(operationId="x"),
    "GET /v1/books: lost the parameter sort": lambda d: _books(d).update(
        parameters=[p for p in _books(d)["parameters"] if p["name"] != "sort"]
    ),
    "GET /v1/books: requires the parameter shop": lambda d: _books(d)["parameters"].append(
        {"in": "query", "name": "shop", "required": True, "schema": {"type": "string"}}
    ),
    "GET /v1/books: limit has a narrower maximum": lambda d: next(
        p for p in _books(d)["parameters"] if p["name"] == "limit"
    )["schema"].update(maximum=100),
    "GET /v1/books: response 200 lost next": lambda d: _schema(d, "BooksBookPage")["properties"].pop("next"),
    "GET /v1/books: response 200.items[].title may be null": lambda d: _schema(d, "BooksBookState")[
        "properties"
    ].update(title={"anyOf": [{"type": "string"}, {"type": "null"}]}),
    "POST /v1/books: body requires rating": lambda d: _schema(d, "BooksBookIn")["required"].append("rating"),
    "POST /v1/books: body rejects rating": lambda d: _schema(d, "BooksBookIn")["properties"].pop("rating"),
    "POST /v1/keys: body.name accepts fewer values": lambda d: _property(d, "KeyIn", "name").update(
        enum=["a"]
    ),
}
HARMLESS: dict[str, Change] = {
    "a new operation": lambda d: d["paths"].update({"/v1/new": {"get": _books(d)}}),
    "a new optional parameter": lambda d: _books(d)["parameters"].append(
        {"in": "query", "name": "shop", "required": False, "schema": {"type": "string"}}
    ),
    "a new field in a response": lambda d: _schema(d, "BooksBookPage")["properties"].update(
        n={"type": "integer"}
    ),
    "a wider limit": lambda d: next(p for p in _books(d)["parameters"] if p["name"] == "limit")[
        "schema"
    ].update(maximum=500),
    "other words": lambda d: _books(d).update(description="other", summary="other"),
}


@pytest.mark.parametrize("expected", BREAKING)
def test_a_change_that_breaks_a_client_is_named(expected: str) -> None:
    after = deepcopy(MERGED)
    BREAKING[expected](after)
    assert any(text.startswith(expected) for text in find_breaking_changes(MERGED, after)), (
        find_breaking_changes(MERGED, after)
    )


@pytest.mark.parametrize("change", HARMLESS)
def test_a_compatible_change_passes(change: str) -> None:
    after = deepcopy(MERGED)
    HARMLESS[change](after)
    assert find_breaking_changes(MERGED, after) == []
