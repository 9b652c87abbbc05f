"""One OpenAPI document out of the gateway's own and those of the services."""

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from gateway.core.routes import PUBLIC_PREFIX, ROUTES, Service

Document = dict[str, Any]
"""An OpenAPI 3.1 document. Any: JSON whose shape its writer's standard gives."""

_METHODS = ("get", "put", "post", "delete", "patch")
_SCHEMAS = "#/components/schemas/"
_NOT_A_KEY = re.compile(r"[^A-Za-z0-9._-]")


def merge(own: Document, services: Mapping[Service, Document]) -> Document:
    """The gateway's document with the routed paths of each service under /v1.

    A service's schemas get its name in front, so that equal names can't meet.
    """
    merged = deepcopy(own)
    schemas = merged.setdefault("components", {}).setdefault("schemas", {})
    for service, document in services.items():
        named = _with_prefix(document, f"{service.value}.")
        schemas.update(_part(named, "components", "schemas"))
        for path, item in _part(named, "paths").items():
            if isinstance(item, dict) and _is_routed(path, service):
                merged["paths"][f"{PUBLIC_PREFIX}{path}"] = _public_item(item, service)
    return merged


def operations_of(item: Document) -> dict[str, Document]:
    """The operations of a path item by method, what is none left out."""
    return {method: item[method] for method in _METHODS if isinstance(item.get(method), dict)}


def _part(document: Document, *names: str) -> Document:
    for name in names:
        found = document.get(name)
        document = found if isinstance(found, dict) else {}
    return document


def _is_routed(path: str, service: Service) -> bool:
    return any(route.service is service and route.covers(path) for route in ROUTES)


def _public_item(item: Document, service: Service) -> Document:
    public = dict(item)
    for method, operation in operations_of(item).items():
        renamed = f"{service.value}.{operation.get('operationId', method)}"
        public[method] = {**operation, "operationId": renamed, "security": [{"HTTPBearer": []}]}
    return public


def _with_prefix(document: Document, prefix: str) -> Document:
    components = dict(_part(document, "components"))
    schemas = _part(document, "components", "schemas")
    components["schemas"] = {_NOT_A_KEY.sub("_", prefix + name): body for name, body in schemas.items()}
    renamed = _rename({**document, "components": components}, prefix)
    return renamed if isinstance(renamed, dict) else {}


def _rename(value: object, prefix: str) -> object:
    if isinstance(value, list):
        return [_rename(one, prefix) for one in value]
    if not isinstance(value, dict):
        return value
    renamed = {key: _rename(one, prefix) for key, one in value.items()}
    ref = renamed.get("$ref")
    if isinstance(ref, str) and ref.startswith(_SCHEMAS):
        renamed["$ref"] = _SCHEMAS + _NOT_A_KEY.sub("_", prefix + ref.removeprefix(_SCHEMAS))
    return renamed
