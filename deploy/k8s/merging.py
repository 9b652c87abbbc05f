"""Merges patches into objects: strategic merge and JSON Patch, as far as deploy/k8s uses them.

Lists of objects with a known key are merged element by element, every other list is replaced.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from bookcore.domain.errors import Invalid

Object = dict[str, Any]
"""A Kubernetes object, or a part of it. Any: YAML."""

_KEYS: Mapping[str, str] = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "topologySpreadConstraints": "topologyKey",
}
"""List -> the field that identifies an element."""


def merge(target: Object, patch: Object) -> Object:
    """A strategic merge; None removes a field. Elements that only the patch has come first."""
    merged = dict(target)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = merge(merged[name], value)
        elif _is_keyed(name, value) and isinstance(merged.get(name), list):
            merged[name] = _merge_list(merged[name], value, _KEYS[name])
        else:
            merged[name] = deepcopy(value)
    return merged


def _is_keyed(name: str, value: object) -> bool:
    return name in _KEYS and isinstance(value, list) and all(_KEYS[name] in each for each in value)


def _merge_list(target: Sequence[Object], patch: Sequence[Object], key: str) -> list[Object]:
    have = {each[key]: each for each in target}
    changed = {each[key]: merge(have.get(each[key], {}), each) for each in patch}
    return [*changed.values(), *(deepcopy(each) for name, each in have.items() if name not in changed)]


def apply_operations(target: Object, operations: Sequence[Object]) -> Object:
    """A JSON Patch of add, replace and remove. Raises: Invalid for another operation or a missing path."""
    changed = deepcopy(target)
    for operation in operations:
        *parents, last = operation["path"].strip("/").split("/")
        place: Any = changed
        try:
            for part in map(_decode_part, parents):
                place = place[int(part)] if isinstance(place, list) else place[part]
        except (KeyError, IndexError) as error:
            raise Invalid(f"the patch names {operation['path']}, which isn't there") from error
        _apply_operation(place, _decode_part(last), operation)
    return changed


def _apply_operation(place: Any, name: str, operation: Object) -> None:
    kind, index = operation["op"], int(name) if isinstance(place, list) and name != "-" else name
    if kind == "remove":
        del place[index]
    elif kind not in ("add", "replace"):
        raise Invalid(f"a patch knows add, replace and remove, no {kind!r}")
    elif isinstance(place, list) and kind == "add":
        place.insert(len(place) if name == "-" else int(name), deepcopy(operation["value"]))
    else:
        place[index] = deepcopy(operation["value"])


def _decode_part(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")
