"""ConfigMaps and Secrets made from literals and files, with names that end in a hash of their content.

The hash is kustomize's, so that both renderers name an object alike and changed content makes new pods.
"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from deploy.k8s.merging import Object

from bookcore.domain.errors import Invalid

_LINE = 70  # kustomize breaks longer base64
_LETTERS = str.maketrans({"0": "g", "1": "h", "3": "k", "a": "m", "e": "t"})
_ESCAPES = (("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e"))
"""What Go's JSON encoder escapes."""
REFERENCES: Mapping[str, tuple[str, str]] = {
    "configMapRef": ("ConfigMap", "name"),
    "configMapKeyRef": ("ConfigMap", "name"),
    "configMap": ("ConfigMap", "name"),
    "secretRef": ("Secret", "name"),
    "secretKeyRef": ("Secret", "name"),
    "secret": ("Secret", "name"),
}
"""Field of a pod -> kind and the field with the name; a volume says secretName."""


def read_entries(folder: Path, generator: Object) -> dict[str, str]:
    """Literals and the lines NAME=VALUE of `envs`. Raises: Invalid for a line without a name."""
    lines = list(generator.get("literals", ()))
    for name in generator.get("envs", ()):
        lines += [line for line in (folder / name).read_text().splitlines() if line and line[0] != "#"]
    entries = dict(line.partition("=")[::2] for line in lines)
    if not all(entries) or not lines:
        raise Invalid(f"{folder}: {generator['name']} has a line without a name, or no line")
    return entries


def build_object(kind: str, name: str, entries: Mapping[str, str]) -> Object:
    """A ConfigMap or a Secret."""
    if kind == "ConfigMap":
        return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "data": dict(entries)}
    data = {key: _encode(value) for key, value in entries.items()}
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name},
        "type": "Opaque",
        "data": data,
    }


def _encode(value: str) -> str:
    text = b64encode(value.encode()).decode()
    lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    return text if len(text) < _LINE else "".join(f"{line}\n" for line in lines)


def compute_suffix(body: Object) -> str:
    """Ten letters of the content; the name counts as empty, as it does there."""
    shown = {"kind": body["kind"], "name": "", "data": body["data"]}
    if body["kind"] == "Secret":
        shown["type"] = body["type"]
    text = json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for plain, escaped in _ESCAPES:
        text = text.replace(plain, escaped)
    return sha256(text.encode()).hexdigest()[:10].translate(_LETTERS)


def rename_references(node: object, names: Mapping[tuple[str, str], str]) -> None:
    """Renames, in place, every reference of a pod to an object that got another name."""
    if isinstance(node, dict):
        for field, value in node.items():
            if field in REFERENCES and isinstance(value, dict):
                _rename(value, REFERENCES[field], names)
            rename_references(value, names)
    elif isinstance(node, list):
        for each in node:
            rename_references(each, names)


def _rename(value: Object, reference: tuple[str, str], names: Mapping[tuple[str, str], str]) -> None:
    kind, field = reference
    field = "secretName" if "secretName" in value else field
    if (kind, value.get(field, "")) in names:
        value[field] = names[kind, value[field]]


def list_hashed(bodies: Sequence[Object]) -> dict[tuple[str, str], str]:
    """Kind and name of each generated object -> its name with the hash."""
    names = ((body["kind"], body["metadata"]["name"], compute_suffix(body)) for body in bodies)
    return {(kind, name): f"{name}-{suffix}" for kind, name, suffix in names}
