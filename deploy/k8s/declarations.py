"""Makes JSON Schemas of the TypeScript declarations of CloudNativePG's kinds.

They tell fields, types and what must be there, no bounds. Kinds of Kubernetes itself inside them stay open.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from deploy.k8s.merging import Object

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_INTERFACE = re.compile(r"export interface I\w+ (?:extends (\w+) )?\{\n(.*?)\n\}", re.DOTALL)
_FIELD = re.compile(r'^    "(\w+)"(\??): (.+?);$', re.MULTILINE | re.DOTALL)
_IMPORT = re.compile(r'^import \{ (\w+) \} from "(\.[^"]+)\.js";$', re.MULTILINE)
_SIMPLE = {"string": "string", "number": "number", "boolean": "boolean"}


def build_schema(path: Path) -> Object:
    """The schema of a declaration, with those that it imports in it."""
    text = _COMMENT.sub("", path.read_text())
    imported = {name: path.parent / f"{file}.d.ts" for name, file in _IMPORT.findall(text)}
    found = _INTERFACE.search(text)
    if found is None:  # a name for a string
        return {"type": "string"}
    fields = list(_FIELD.findall(found[2]))
    properties = {name: _describe(kind, imported) for name, _, kind in fields}
    if found[1] in imported:
        properties |= build_schema(imported[found[1]])["properties"]
    required = [name for name, optional, _ in fields if not optional]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": required,
    }


def _describe(kind: str, imported: dict[str, Path]) -> Object:
    if kind in _SIMPLE:
        return {"type": _SIMPLE[kind]}
    if words := list(_read_words(kind)):
        return {"enum": words}
    if element := re.fullmatch(r"Array<(.+)>", kind, re.DOTALL):
        return {"type": "array", "items": _describe(element[1], imported)}
    return build_schema(imported[kind]) if kind in imported else {}


def _read_words(kind: str) -> Iterator[str]:
    """The strings of a union of strings."""
    if re.fullmatch(r'"[^"]*"(?: \| "[^"]*")*', kind):
        yield from re.findall(r'"([^"]*)"', kind)
