"""Whether clients of one OpenAPI document still get on with a newer one.

`docs/openapi/released.json` is what clients were promised. `python -m docs.compatibility` makes today's
merged document the promise: for a release, never to silence the test.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from docs.generate import ROOT, _json, merged_openapi

from bookcore.kit.openapi import SCHEMAS, Document, list_operations

RELEASED = ROOT / "docs/openapi/released.json"
_DEEPEST = 12
_ANYTHING = object()


def breaks(before: Document, after: Document) -> list[str]:
    """What a client of `before` would stumble over; empty when all goes on as it did."""
    found: list[str] = []
    for path, item in before["paths"].items():
        for method, operation in list_operations(item).items():
            newer = list_operations(after["paths"].get(path, {})).get(method)
            where = f"{method.upper()} {path}"
            if newer is None:
                found.append(f"{where}: is gone")
                continue
            found += [
                f"{where}: {text}" for text in _operation(_Side(before, operation), _Side(after, newer))
            ]
    return found


class _Side:
    """A part of a document, with what its references point to."""

    def __init__(self, document: Document, part: object, depth: int = 0) -> None:
        self.document, self.depth = document, depth
        while isinstance(part, dict) and str(part.get("$ref", "")).startswith(SCHEMAS):
            part = document["components"]["schemas"][part["$ref"].removeprefix(SCHEMAS)]
        self.part: Document = part if isinstance(part, dict) else {}

    def of(self, *names: str) -> "_Side":
        part: object = self.part
        for name in names:
            part = part.get(name) if isinstance(part, dict) else None
        return _Side(self.document, part, self.depth + 1)

    def alternatives(self) -> "list[_Side]":
        """In their order, which a document keeps."""
        found = self.part.get("anyOf") or self.part.get("oneOf") or []
        return [_Side(self.document, one, self.depth + 1) for one in found]

    def types(self) -> frozenset[str]:
        """The JSON types that it may be; none for anything."""
        if self.alternatives():
            return frozenset[str]().union(*(one.types() for one in self.alternatives()))
        kind = self.part.get("type")
        return frozenset([kind] if isinstance(kind, str) else kind or [])


def _operation(old: _Side, new: _Side) -> Iterator[str]:
    if old.part.get("operationId") != new.part.get("operationId"):
        yield f"is called {new.part.get('operationId')} now"
    yield from _parameters(_by_name(old), _by_name(new), new.document)
    for status, response in old.part.get("responses", {}).items():
        if not status.startswith("2"):
            continue
        if status not in new.part.get("responses", {}):
            yield f"answers {status} no more"
        for kind in response.get("content", {}):
            steps = ("responses", status, "content", kind, "schema")
            yield from _answer(old.of(*steps), new.of(*steps), f"answer {status}")
    body = ("requestBody", "content", "application/json", "schema")
    if not old.part.get("requestBody") and new.of("requestBody").part.get("required"):
        yield "needs a body now"
    yield from _request(old.of(*body), new.of(*body), "body")


def _by_name(side: _Side) -> dict[tuple[str, str], Document]:
    return {(each["in"], each["name"]): each for each in side.part.get("parameters", [])}


def _parameters(
    old: Mapping[tuple[str, str], Document], new: Mapping[tuple[str, str], Document], document: Document
) -> Iterator[str]:
    for key, parameter in old.items():
        if key not in new:
            yield f"takes no {key[1]} any more"
            continue
        before, after = _Side(document, parameter.get("schema")), _Side(document, new[key].get("schema"))
        yield from _request(before, after, key[1])
    for key, parameter in new.items():
        if parameter.get("required") and not old.get(key, {}).get("required"):
            yield f"needs {key[1]} now"


def _request(old: _Side, new: _Side, where: str) -> Iterator[str]:
    """What a client may send must stay welcome."""
    if not old.part or old.depth > _DEEPEST:
        return
    lost = old.types() - new.types() if new.types() else frozenset()
    if lost:
        yield f"{where} may be no {', '.join(sorted(lost))} any more"
    if "enum" in new.part and not set(old.part.get("enum") or [_ANYTHING]) <= set(new.part["enum"]):
        yield f"{where} may not have every value that it could"
    for name in sorted(set(new.part.get("required", [])) - set(old.part.get("required", []))):
        yield f"{where} needs {name} now"
    for bound, sign in (("maximum", 1), ("maxLength", 1), ("minimum", -1), ("minLength", -1)):
        limit = new.part.get(bound)
        if limit is not None and (bound not in old.part or sign * limit < sign * old.part[bound]):
            yield f"{where} has a narrower {bound}"
    for name in old.part.get("properties", {}):
        if name not in new.part.get("properties", {}) and new.part.get("additionalProperties") is False:
            yield f"{where} takes no {name} any more"
        else:
            yield from _request(old.of("properties", name), new.of("properties", name), f"{where}.{name}")


def _answer(old: _Side, new: _Side, where: str) -> Iterator[str]:
    """What a client reads must stay there, and be nothing that it didn't expect."""
    if not old.part or old.depth > _DEEPEST:
        return
    added = new.types() - old.types() if old.types() else frozenset()
    if added:
        yield f"{where} may be {', '.join(sorted(added))} now"
    for name in old.part.get("properties", {}):
        if name not in new.part.get("properties", {}):
            yield f"{where} has no {name} any more"
            continue
        if name in old.part.get("required", []) and name not in new.part.get("required", []):
            yield f"{where} may be without {name} now"
        yield from _answer(old.of("properties", name), new.of("properties", name), f"{where}.{name}")
    yield from _answer(old.of("items"), new.of("items"), f"{where}[]")
    for before, after in zip(old.alternatives(), new.alternatives(), strict=False):
        yield from _answer(before, after, where)


def release(path: Path = RELEASED) -> None:
    """Promise today's document."""
    path.write_text(_json(merged_openapi()))


if __name__ == "__main__":
    release()
