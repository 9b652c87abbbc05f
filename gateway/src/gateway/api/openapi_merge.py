"""One OpenAPI document out of the gateway's own and those of the services."""

import re
from collections.abc import Mapping
from copy import deepcopy

from bookcore.kit.openapi import SCHEMAS, Document, add_problems, list_operations
from gateway.routing.routes import PUBLIC_PREFIX, ROUTES, Route, Service

_NOT_A_NAME = re.compile(r"[^A-Za-z0-9]+")
_SHARED = frozenset({"Problem"})
"""Schemas of the kit, the same everywhere: they keep their name."""
TAGS = {
    "books": "Read books.",
    "catalogue": "Figures and exports of the whole catalogue.",
    "changes": "What became of books, in order.",
    "category tree": "Managed categories, and the rules that place what sources print; changed by editors.",
    "sources": "Sources, and the history of their runs.",
    "writing": "Write books; for editors.",
    "search": "Search by text.",
    "predictions": "Predict prices.",
    "models": "Price models and their cards.",
    "training data": "Features and rows that models learn from.",
    "monitoring": "Recorded predictions, experiments and metrics of models.",
    "auth": "Create an account, log in and out.",
    "users": "Accounts.",
    "keys": "API keys, plans and usage.",
    "admin": "Audit log, signing keys and response cache; for administrators.",
    "about": "The API itself.",
    "health": "Liveness and readiness of the gateway.",
}
"""The tags of all operations, in the order of the documentation."""
_ON_THE_WAY = ("unauthorized", "forbidden", "too-many-requests", "bad-gateway", "unavailable", "timeout")


def merge_documents(own: Document, services: Mapping[Service, Document]) -> Document:
    """The gateway's document with the routed paths of each service under /v1.

    A service's schemas get its name in front, so that equal names can't meet; so does an operation whose name
    is taken.
    """
    merged = deepcopy(own)
    schemas = merged.setdefault("components", {}).setdefault("schemas", {})
    names = {
        operation.get("operationId")
        for item in merged["paths"].values()
        for operation in _list_operations(item)
    }
    for service, document in services.items():
        named = _prefix_schemas(document, _to_camel_case(service))
        schemas.update(
            {n: body for n, body in _get_part(named, "components", "schemas").items() if n not in _SHARED}
        )
        for path, item in _get_part(named, "paths").items():
            route = _find_route(path, service)
            if isinstance(item, dict) and route is not None:
                merged["paths"][f"{PUBLIC_PREFIX}{path}"] = _build_public_item(item, route, names)
    merged["components"]["schemas"] = _find_reachable(merged["paths"], schemas)
    merged["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    return merged


def filter_by_scopes(document: Document, scopes: frozenset[str]) -> Document:
    """What is open to these scopes: operations that ask for none of the others, their schemas and tags."""
    paths: Document = {}
    for path, item in document["paths"].items():
        others = {name: part for name, part in item.items() if name not in list_operations(item)}
        allowed = {m: op for m, op in list_operations(item).items() if get_scopes(op) <= scopes}
        if allowed:
            paths[path] = {**others, **allowed}
    components = dict(document.get("components", {}))
    components["schemas"] = _find_reachable(paths, components.get("schemas", {}))
    used = {tag for item in paths.values() for op in _list_operations(item) for tag in op.get("tags", [])}
    tags = [tag for tag in document.get("tags", []) if tag["name"] in used]
    return {**document, "tags": tags, "paths": paths, "components": components}


def get_scopes(operation: Document) -> frozenset[str]:
    """The scopes that an operation asks for; none for what needs no token, or just any."""
    needed = operation.get("security") or [{}]
    return frozenset(scope for scopes in needed[0].values() for scope in scopes)


def _find_reachable(paths: Document, schemas: Document) -> Document:
    found: set[str] = set()
    waiting = list(_list_references(paths))
    while waiting:
        name = waiting.pop()
        if name in schemas and name not in found:
            found.add(name)
            waiting += _list_references(schemas[name])
    return {name: body for name, body in schemas.items() if name in found}


def _list_references(value: object) -> list[str]:
    if isinstance(value, list):
        return [name for one in value for name in _list_references(one)]
    if not isinstance(value, dict):
        return []
    ref = value.get("$ref")
    own = [ref.removeprefix(SCHEMAS)] if isinstance(ref, str) else []
    return own + [name for one in value.values() for name in _list_references(one)]


def _list_operations(item: object) -> list[Document]:
    return list(list_operations(item).values()) if isinstance(item, dict) else []


def _get_part(document: Document, *names: str) -> Document:
    for name in names:
        found = document.get(name)
        document = found if isinstance(found, dict) else {}
    return document


def _find_route(path: str, service: Service) -> Route | None:
    covering = next((route for route in ROUTES if route.covers(path)), None)
    return covering if covering is not None and covering.service is service else None


def _build_public_item(item: Document, route: Route, names: set[object]) -> Document:
    public = dict(item)
    for method, operation in list_operations(item).items():
        scope = route.get_scope(method.upper()).value
        name = operation.get("operationId", method)
        name = f"{route.service.value.replace('-', '_')}_{name}" if name in names else name
        names.add(name)
        security = [{"bearer": [scope]}, {"apiKey": [scope]}]
        public[method] = {**deepcopy(operation), "operationId": name, "security": security}
        add_problems(public[method], _ON_THE_WAY)
    return public


def _to_camel_case(service: Service) -> str:
    return "".join(part.capitalize() for part in service.value.removesuffix("-api").split("-"))


def _prefix_schemas(document: Document, prefix: str) -> Document:
    components = dict(_get_part(document, "components"))
    schemas = _get_part(document, "components", "schemas")
    components["schemas"] = {_prefix_name(prefix, name): body for name, body in schemas.items()}
    renamed = _rename({**document, "components": components}, prefix)
    return renamed if isinstance(renamed, dict) else {}


def _prefix_name(prefix: str, name: str) -> str:
    return name if name in _SHARED else prefix + _NOT_A_NAME.sub("", name)


def _rename(value: object, prefix: str) -> object:
    if isinstance(value, list):
        return [_rename(one, prefix) for one in value]
    if not isinstance(value, dict):
        return value
    renamed = {key: _rename(one, prefix) for key, one in value.items()}
    ref = renamed.get("$ref")
    if isinstance(ref, str) and ref.startswith(SCHEMAS):
        renamed["$ref"] = SCHEMAS + _prefix_name(prefix, ref.removeprefix(SCHEMAS))
    return renamed
