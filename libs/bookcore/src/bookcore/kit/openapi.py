"""What every OpenAPI document of ours says beyond what FastAPI does: all problems, examples."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from bookcore.events.json_schemas import examples
from bookcore.events.topics import STATE
from bookcore.kit.problem import MEDIA_TYPE, PROBLEMS, example_of_problem

Document = dict[str, Any]
"""An OpenAPI 3.1 document or a part of one. Any: JSON whose shape the standard gives."""

METHODS = ("get", "put", "post", "delete", "patch")
SCHEMAS = "#/components/schemas/"
_PROBLEM = "Problem"
_FASTAPIS_OWN = ("HTTPValidationError", "ValidationError")
PROBLEM_SCHEMA: Document = {
    "title": _PROBLEM,
    "description": "RFC 9457; the page behind `type` says what to do.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "enum": [f"/problems/{slug}" for slug in PROBLEMS]},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "field": {"type": "string", "description": "the parameter or property at fault"},
    },
}


def problems(*slugs: str) -> dict[int | str, Document]:
    """The `responses` of a route that may end in these problems."""
    by_status: dict[int, list[str]] = {}
    for slug in slugs:
        by_status.setdefault(PROBLEMS[slug].status, []).append(slug)
    return {status: _response(found) for status, found in by_status.items()}


def add_problems(operation: Document, slugs: Sequence[str]) -> None:
    """Beside those that the operation lists already."""
    responses = operation.setdefault("responses", {})
    for slug in slugs:
        key = str(PROBLEMS[slug].status)
        listed = _listed(responses.get(key))
        if slug not in listed:
            responses[key] = _response([*listed, slug])


def problems_of(operation: Document) -> list[str]:
    """The slugs that an operation lists."""
    return [slug for response in operation.get("responses", {}).values() for slug in _listed(response)]


def describe(app: FastAPI, *, always: Sequence[str]) -> None:
    """Let the app's document say so; `always` are the problems that any operation may end in."""

    def openapi() -> Document:
        if app.openapi_schema is None:
            plain = get_openapi(
                title=app.title, version=app.version, routes=app.routes, tags=app.openapi_tags
            )
            app.openapi_schema = _described(plain, always)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


def operations_of(item: Document) -> dict[str, Document]:
    """The operations of a path item by method, what is none left out."""
    return {method: item[method] for method in METHODS if isinstance(item.get(method), dict)}


def example_for(schema: object, schemas: Mapping[str, Document]) -> object:
    """An example put together from those of the parts; None when a part has none."""
    if not isinstance(schema, dict):
        return None
    if "$ref" in schema:
        return example_for(schemas.get(str(schema["$ref"]).removeprefix(SCHEMAS)), schemas)
    if schema.get("examples"):
        return _with_nulls(schema["examples"][0], schema)
    for name in ("default", "const"):
        if schema.get(name) is not None:
            return schema[name]
    if schema.get("enum"):
        return schema["enum"][0]
    return _composed(schema, schemas)


def _with_nulls(example: object, schema: Document) -> object:
    # FastAPI drops what is null from its documents, examples included
    if not isinstance(example, dict):
        return example
    return {**dict.fromkeys(schema.get("required", [])), **example}


def _composed(schema: Document, schemas: Mapping[str, Document]) -> object:
    alternatives = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if alternatives:
        return example_for(alternatives[0], schemas)
    if schema.get("type") == "array":
        inner = example_for(schema.get("items"), schemas)
        return None if inner is None else [inner]
    if isinstance(schema.get("properties"), dict):
        return {name: example_for(part, schemas) for name, part in schema["properties"].items()}
    return None


def _described(document: Document, always: Sequence[str]) -> Document:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _FASTAPIS_OWN:
        schemas.pop(name, None)
    schemas[_PROBLEM] = PROBLEM_SCHEMA
    if "BookState" in schemas:
        schemas["BookState"] = {**schemas["BookState"], "examples": [_book()]}
    for item in document["paths"].values():
        for operation in operations_of(item).values():
            _describe(operation, schemas, always)
    return document


def _describe(operation: Document, schemas: Mapping[str, Document], always: Sequence[str]) -> None:
    unnamed = operation["responses"].pop("422", None)
    if unnamed is not None:
        add_problems(operation, [*_listed(unnamed), "invalid"])
    if operation.get("security"):
        add_problems(operation, ["unauthorized", "forbidden"])
    if "requestBody" in operation:
        add_problems(operation, ["too-large"])
    add_problems(operation, always)
    contents = [operation.get("requestBody", {}), *_successes(operation)]
    for content in contents:
        for kind, media in content.get("content", {}).items():
            if kind == "application/json" and "example" not in media and "examples" not in media:
                media["example"] = example_for(media.get("schema"), schemas)
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _successes(operation: Document) -> list[Document]:
    return [response for status, response in operation["responses"].items() if status.startswith("2")]


def _response(slugs: Sequence[str]) -> Document:
    shown = {slug: {"value": example_of_problem(PROBLEMS[slug])} for slug in slugs}
    content = {"schema": {"$ref": SCHEMAS + _PROBLEM}, "examples": shown}
    return {
        "description": "; ".join(PROBLEMS[slug].title for slug in slugs),
        "content": {MEDIA_TYPE: content},
    }


def _listed(response: object) -> list[str]:
    if not isinstance(response, dict):
        return []
    return list(response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {}))


def _book() -> object:
    value = next(examples(STATE.name)).record.value
    return orjson.loads(value or b"null")
