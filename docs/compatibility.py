"""Compares two OpenAPI documents for changes that break clients.

`docs/openapi/released.json` is the released contract. `python -m docs.compatibility` replaces it by today's
merged document: for a release, never to silence the test.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from docs.generate import ROOT, build_merged_openapi, dump_json

from bookcore.kit.openapi import SCHEMAS, Document, list_operations

RELEASED = ROOT / "docs/openapi/released.json"
_DEEPEST = 12
_ANYTHING = object()


def find_breaking_changes(before: Document, after: Document) -> list[str]:
    """One line per change that breaks a client of `before`; empty when there is none."""
    found: list[str] = []
    for path, item in before["paths"].items():
        for method, operation in list_operations(item).items():
            newer = list_operations(after["paths"].get(path, {})).get(method)
            where = f"{method.upper()} {path}"
            if newer is None:
                found.append(f"{where}: was removed")
                continue
            found += [
                f"{where}: {text}"
                for text in _compare_operations(_SchemaNode(before, operation), _SchemaNode(after, newer))
            ]
    return found


class _SchemaNode:
    """A part of a document with its references resolved."""

    def __init__(self, document: Document, part: object, depth: int = 0) -> None:
        self.document, self.depth = document, depth
        while isinstance(part, dict) and str(part.get("$ref", "")).startswith(SCHEMAS):
            part = document["components"]["schemas"][part["$ref"].removeprefix(SCHEMAS)]
        self.part: Document = part if isinstance(part, dict) else {}

    def get_child(self, *names: str) -> "_SchemaNode":
        part: object = self.part
        for name in names:
            part = part.get(name) if isinstance(part, dict) else None
        return _SchemaNode(self.document, part, self.depth + 1)

    def list_alternatives(self) -> "list[_SchemaNode]":
        """In document order."""
        found = self.part.get("anyOf") or self.part.get("oneOf") or []
        return [_SchemaNode(self.document, one, self.depth + 1) for one in found]

    def list_types(self) -> frozenset[str]:
        """The allowed JSON types; empty when any is allowed."""
        if self.list_alternatives():
            return frozenset[str]().union(*(one.list_types() for one in self.list_alternatives()))
        kind = self.part.get("type")
        return frozenset([kind] if isinstance(kind, str) else kind or [])


def _compare_operations(old: _SchemaNode, new: _SchemaNode) -> Iterator[str]:
    if old.part.get("operationId") != new.part.get("operationId"):
        yield f"operation id changed to {new.part.get('operationId')}"
    yield from _compare_parameters(_index_parameters(old), _index_parameters(new), new.document)
    for status, response in old.part.get("responses", {}).items():
        if not status.startswith("2"):
            continue
        if status not in new.part.get("responses", {}):
            yield f"no longer returns {status}"
        for kind in response.get("content", {}):
            steps = ("responses", status, "content", kind, "schema")
            yield from _compare_response(old.get_child(*steps), new.get_child(*steps), f"response {status}")
    body = ("requestBody", "content", "application/json", "schema")
    if not old.part.get("requestBody") and new.get_child("requestBody").part.get("required"):
        yield "requires a body"
    yield from _compare_request(old.get_child(*body), new.get_child(*body), "body")


def _index_parameters(side: _SchemaNode) -> dict[tuple[str, str], Document]:
    return {(each["in"], each["name"]): each for each in side.part.get("parameters", [])}


def _compare_parameters(
    old: Mapping[tuple[str, str], Document], new: Mapping[tuple[str, str], Document], document: Document
) -> Iterator[str]:
    for key, parameter in old.items():
        if key not in new:
            yield f"lost the parameter {key[1]}"
            continue
        before = _get_parameter_value(_SchemaNode(document, parameter.get("schema")))
        after = _get_parameter_value(_SchemaNode(document, new[key].get("schema")))
        if "array" in after.list_types() and "array" not in before.list_types():
            after = after.get_child("items")  # a single value is a list of one
        yield from _compare_request(before, after, key[1])
    for key, parameter in new.items():
        if parameter.get("required") and not old.get(key, {}).get("required"):
            yield f"requires the parameter {key[1]}"


def _get_parameter_value(schema: _SchemaNode) -> _SchemaNode:
    """The schema of a parameter that is sent; null means that it is left out."""
    sent = [each for each in schema.list_alternatives() if each.part.get("type") != "null"]
    return sent[0] if len(sent) == 1 else schema


def _compare_request(old: _SchemaNode, new: _SchemaNode, where: str) -> Iterator[str]:
    """Every request that was valid must stay valid."""
    if not old.part or old.depth > _DEEPEST:
        return
    lost = old.list_types() - new.list_types() if new.list_types() else frozenset()
    if lost:
        yield f"{where} no longer accepts {', '.join(sorted(lost))}"
    if "enum" in new.part and not set(old.part.get("enum") or [_ANYTHING]) <= set(new.part["enum"]):
        yield f"{where} accepts fewer values"
    for name in sorted(set(new.part.get("required", [])) - set(old.part.get("required", []))):
        yield f"{where} requires {name}"
    for bound, sign in (("maximum", 1), ("maxLength", 1), ("minimum", -1), ("minLength", -1)):
        limit = new.part.get(bound)
        if limit is not None and (bound not in old.part or sign * limit < sign * old.part[bound]):
            yield f"{where} has a narrower {bound}"
    for name in old.part.get("properties", {}):
        if name not in new.part.get("properties", {}) and new.part.get("additionalProperties") is False:
            yield f"{where} rejects {name}"
        else:
            yield from _compare_request(
                old.get_child("properties", name), new.get_child("properties", name), f"{where}.{name}"
            )


def _compare_response(old: _SchemaNode, new: _SchemaNode, where: str) -> Iterator[str]:
    """Every field that a client reads must stay, with no new type."""
    if not old.part or old.depth > _DEEPEST:
        return
    added = new.list_types() - old.list_types() if old.list_types() else frozenset()
    if added:
        yield f"{where} may be {', '.join(sorted(added))}"
    for name in old.part.get("properties", {}):
        if name not in new.part.get("properties", {}):
            yield f"{where} lost {name}"
            continue
        if name in old.part.get("required", []) and name not in new.part.get("required", []):
            yield f"{where} may lack {name}"
        yield from _compare_response(
            old.get_child("properties", name), new.get_child("properties", name), f"{where}.{name}"
        )
    yield from _compare_response(old.get_child("items"), new.get_child("items"), f"{where}[]")
    for before, after in zip(old.list_alternatives(), new.list_alternatives(), strict=False):
        yield from _compare_response(before, after, where)


def release(path: Path = RELEASED) -> None:
    """Writes today's document as the released one."""
    path.write_text(dump_json(build_merged_openapi()))


if __name__ == "__main__":
    release()
