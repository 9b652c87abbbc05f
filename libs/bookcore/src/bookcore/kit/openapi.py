"""Completes FastAPI's OpenAPI documents: every problem response, examples."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import Field
from pydantic.fields import FieldInfo

from bookcore.events.json_schemas import load_examples
from bookcore.events.topics import STATE
from bookcore.kit.problem import MEDIA_TYPE, PROBLEMS, build_example_problem

Document = dict[str, Any]
"""An OpenAPI 3.1 document or a part of one. Any: JSON whose shape the standard gives."""

JSON_LINES = "application/x-ndjson"
"""The media type of every stream of JSON Lines."""
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


NextCursor = Annotated[
    str | None,
    Field(
        description="send it as `cursor` for the next page; null on the last one, and where all is one page",
        examples=["q2k1…"],
    ),
]
"""Every list is an object with `items` and `next`."""


def describe_problems(*slugs: str) -> dict[int | str, Document]:
    """The `responses` of a route that may return these problems."""
    by_status: dict[int, list[str]] = {}
    for slug in slugs:
        by_status.setdefault(PROBLEMS[slug].status, []).append(slug)
    return {status: _build_problem_response(found) for status, found in by_status.items()}


def describe_stream(examples: Mapping[str, str]) -> Document:
    """The response of a route that streams text of one of these media types, each with an example."""
    content = {
        media_type: {"schema": {"type": "string"}, "example": example}
        for media_type, example in examples.items()
    }
    return {"description": "Streamed", "content": content}


def deprecate(successor: str) -> FieldInfo:
    """For the `Annotated` of a response's field that is kept for one minor version beside its successor."""
    text = f"the same as `{successor}`; removed in the next minor version"
    info: FieldInfo = Field(description=text, json_schema_extra={"deprecated": True})
    return info


def add_problems(operation: Document, slugs: Sequence[str]) -> None:
    """Adds problems to those that the operation lists."""
    responses = operation.setdefault("responses", {})
    for slug in slugs:
        key = str(PROBLEMS[slug].status)
        listed = _list_response_slugs(responses.get(key))
        if slug not in listed:
            responses[key] = _build_problem_response([*listed, slug])


def list_problems(operation: Document) -> list[str]:
    """The slugs that an operation lists."""
    return [
        slug
        for response in operation.get("responses", {}).values()
        for slug in _list_response_slugs(response)
    ]


def install_openapi(app: FastAPI, *, always: Sequence[str]) -> None:
    """Replaces the app's document by the completed one; `always` are the problems of every operation."""

    def openapi() -> Document:
        if app.openapi_schema is None:
            plain = get_openapi(
                title=app.title, version=app.version, routes=app.routes, tags=app.openapi_tags
            )
            app.openapi_schema = _complete_document(plain, always)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


def list_operations(item: Document) -> dict[str, Document]:
    """The operations of a path item by method."""
    return {method: item[method] for method in METHODS if isinstance(item.get(method), dict)}


def build_example(schema: object, schemas: Mapping[str, Document]) -> object:
    """An example assembled from those of the schema's parts; None when a part has none."""
    if not isinstance(schema, dict):
        return None
    if "$ref" in schema:
        return build_example(schemas.get(str(schema["$ref"]).removeprefix(SCHEMAS)), schemas)
    if schema.get("examples"):
        return _restore_nulls(schema["examples"][0], schema, schemas)
    for name in ("default", "const"):
        if schema.get(name) is not None:
            return schema[name]
    if schema.get("enum"):
        return schema["enum"][0]
    return _compose_example(schema, schemas)


def _restore_nulls(example: object, schema: object, schemas: Mapping[str, Document]) -> object:
    """The example with its null values, which FastAPI removes from documents."""
    while isinstance(schema, dict) and ("$ref" in schema or "anyOf" in schema):
        schema = (
            schemas.get(str(schema["$ref"]).removeprefix(SCHEMAS)) if "$ref" in schema else schema["anyOf"][0]
        )
    if isinstance(example, list) and isinstance(schema, dict):
        return [_restore_nulls(one, schema.get("items"), schemas) for one in example]
    if not isinstance(example, dict) or not isinstance(schema, dict):
        return example
    parts = schema.get("properties", {})
    values = {**dict.fromkeys(schema.get("required", [])), **example}
    return {name: _restore_nulls(value, parts.get(name), schemas) for name, value in values.items()}


def _compose_example(schema: Document, schemas: Mapping[str, Document]) -> object:
    alternatives = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if alternatives:
        return build_example(alternatives[0], schemas)
    if schema.get("type") == "array":
        inner = build_example(schema.get("items"), schemas)
        return None if inner is None else [inner]
    if isinstance(schema.get("properties"), dict):
        return {name: build_example(part, schemas) for name, part in schema["properties"].items()}
    return None


def _complete_document(document: Document, always: Sequence[str]) -> Document:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _FASTAPIS_OWN:
        schemas.pop(name, None)
    schemas[_PROBLEM] = PROBLEM_SCHEMA
    if "BookState" in schemas:
        schemas["BookState"] = {**schemas["BookState"], "examples": [_load_example_book()]}
    for schema in schemas.values():
        if schema.get("examples"):
            schema["examples"] = [_restore_nulls(one, schema, schemas) for one in schema["examples"]]
    for item in document["paths"].values():
        for operation in list_operations(item).values():
            _complete_operation(operation, schemas, always)
    document["info"]["license"] = {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
    document["servers"] = [{"url": "/", "description": "where this document was read"}]
    return document


def _complete_operation(operation: Document, schemas: Mapping[str, Document], always: Sequence[str]) -> None:
    unnamed = operation["responses"].pop("422", None)
    if unnamed is not None:
        add_problems(operation, [*_list_response_slugs(unnamed), "invalid"])
    if operation.setdefault("security", []):
        add_problems(operation, ["unauthorized", "forbidden"])
    if "requestBody" in operation:
        add_problems(operation, ["too-large"])
    add_problems(operation, ["invalid", *always])  # unknown query parameters are
    contents = [operation.get("requestBody", {}), *_list_success_responses(operation)]
    for content in contents:
        for kind, media in content.get("content", {}).items():
            if kind == "application/json" and "example" not in media and "examples" not in media:
                media["example"] = build_example(media.get("schema"), schemas)
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _list_success_responses(operation: Document) -> list[Document]:
    return [response for status, response in operation["responses"].items() if status.startswith("2")]


def _build_problem_response(slugs: Sequence[str]) -> Document:
    shown = {slug: {"value": build_example_problem(PROBLEMS[slug])} for slug in slugs}
    content = {"schema": {"$ref": SCHEMAS + _PROBLEM}, "examples": shown}
    return {
        "description": "; ".join(PROBLEMS[slug].title for slug in slugs),
        "content": {MEDIA_TYPE: content},
    }


def _list_response_slugs(response: object) -> list[str]:
    if not isinstance(response, dict):
        return []
    return list(response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {}))


def _load_example_book() -> object:
    value = next(load_examples(STATE.name)).record.value
    return orjson.loads(value or b"null")
