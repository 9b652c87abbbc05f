"""Compares the renderer with `kubectl kustomize`, object by object.

`python -m deploy.k8s.compared [KUBECTL]` prints one line per different object; its exit code is 1 when
one differs. The order of lists of objects is free.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml
from deploy.k8s.environments import FOLDER, KUSTOMIZATIONS
from deploy.k8s.merging import Object
from deploy.k8s.render import render

Key = tuple[str, str]


def list_differences(kubectl: Sequence[str], folder: Path) -> Iterator[str]:
    """One line per object that only one of both has, or that differs. Raises: CalledProcessError."""
    command = [*kubectl, "kustomize", str(folder)]
    text = subprocess.run(command, capture_output=True, check=True, text=True).stdout  # noqa: S603
    theirs, ours = index_objects(list(yaml.safe_load_all(text))), index_objects(render(folder))
    for key in sorted(theirs.keys() | ours.keys()):
        if theirs.get(key) != ours.get(key):
            path, mine, other = _find_difference("", ours.get(key), theirs.get(key))
            yield f"{' '.join(key)}{path}: {mine} instead of {other}"


def _find_difference(path: str, ours: object, theirs: object) -> tuple[str, object, object]:
    """The innermost field that differs, with both values."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in ours.keys() | theirs.keys():
            if ours.get(name) != theirs.get(name):
                return _find_difference(f"{path}.{name}", ours.get(name), theirs.get(name))
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for at, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            if mine != other:
                return _find_difference(f"{path}.{at}", mine, other)
    return path, ours, theirs


def index_objects(objects: list[Object]) -> dict[Key, object]:
    """Kind and name -> the object with its lists in a fixed order."""
    return {(each["kind"], each["metadata"]["name"]): _sort_lists(each) for each in objects}


def _sort_lists(node: object) -> object:
    if isinstance(node, dict):
        return {name: _sort_lists(value) for name, value in node.items()}
    if isinstance(node, list):
        found = [_sort_lists(each) for each in node]
        return sorted(found, key=_write_sorted) if all(isinstance(each, dict) for each in found) else found
    return node


def _write_sorted(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def compare_all(kubectl: Sequence[str]) -> list[str]:
    """The differences of every kustomization; `kubectl` is how it is called."""
    return [f"{name}: {line}" for name in KUSTOMIZATIONS for line in list_differences(kubectl, FOLDER / name)]


def main() -> int:
    """Returns 1 when an object differs."""
    lines = compare_all([sys.argv[1] if len(sys.argv) > 1 else "kubectl"])
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.write(f"{len(KUSTOMIZATIONS)} kustomizations, {len(lines)} differences\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
