"""Renders an overlay to its objects: `python -m deploy.k8s.render deploy/k8s/overlays/dev`.

The subset of kustomize that deploy/k8s uses, in its order: resources, components, generators, patches,
namespace, labels, images. Any other field of a kustomization is refused, so that it can't be passed over in
silence. The real one is compared object by object (deploy/k8s/compared.py).
"""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from deploy.k8s.generated import build_object, list_hashed, read_entries, rename_references
from deploy.k8s.merging import Object, apply_operations, merge

from bookcore.domain.errors import Invalid

_FIELDS = {
    *("apiVersion", "kind", "resources", "components", "configMapGenerator", "secretGenerator"),
    *("patches", "namespace", "labels", "images"),
}
_TEMPLATES = {
    "Deployment": ("spec.template",),
    "StatefulSet": ("spec.template",),
    "Job": ("spec.template",),
    "CronJob": ("spec.jobTemplate", "spec.jobTemplate.spec.template"),
}
"""Where a kind has labels of its pods."""
_SELECTOR = re.compile(r"([\w./-]+)\s*(?:=\s*([\w.-]+)|in\s*\(([^)]*)\))")


@dataclass(frozen=True, slots=True)
class Resource:
    """`is_generated`: its name gets a hash of its content."""

    body: Object
    is_generated: bool = False


def render(folder: Path) -> list[Object]:
    """All objects of a kustomization. Raises: Invalid with the file and the field."""
    resources = _build(folder.resolve(), [])
    generated = [each.body for each in resources if each.is_generated]
    names = list_hashed(generated)
    for each in resources:
        rename_references(each.body.get("spec"), names)
    for body in generated:
        body["metadata"]["name"] = names[body["kind"], body["metadata"]["name"]]
    return [each.body for each in resources]


def _build(folder: Path, resources: list[Resource]) -> list[Resource]:
    """A kustomization's objects; a component changes those that it is given, too."""
    data: Object = yaml.safe_load((folder / "kustomization.yaml").read_text())
    if unknown := data.keys() - _FIELDS:
        raise Invalid(f"{folder}/kustomization.yaml: {sorted(unknown)} is not supported")
    for name in data.get("resources", ()):
        resources = [*resources, *_load(folder / name)]
    for name in data.get("components", ()):
        resources = _build((folder / name).resolve(), resources)
    for kind, field in (("ConfigMap", "configMapGenerator"), ("Secret", "secretGenerator")):
        for generator in data.get(field, ()):
            resources = _generate(folder, kind, generator, resources)
    for patch in data.get("patches", ()):
        resources = _patch(folder, patch, resources)
    return [_transform(data, each) for each in resources]


def _load(path: Path) -> list[Resource]:
    if path.is_dir():
        return _build(path.resolve(), [])
    return [Resource(body) for body in yaml.safe_load_all(path.read_text()) if body]


def _generate(folder: Path, kind: str, generator: Object, resources: list[Resource]) -> list[Resource]:
    name, entries = generator["name"], read_entries(folder, generator)
    if generator.get("behavior") != "merge":
        return [*resources, Resource(build_object(kind, name, entries), is_generated=True)]
    matching = [r for r in resources if (r.body["kind"], r.body["metadata"]["name"]) == (kind, name)]
    if len(matching) != 1:
        raise Invalid(f"{folder}: there are {len(matching)} of {kind} {name} to merge into")
    matching[0].body["data"] |= build_object(kind, name, entries)["data"]
    return resources


def _patch(folder: Path, patch: Object, resources: list[Resource]) -> list[Resource]:
    text = patch["patch"] if "patch" in patch else (folder / patch["path"]).read_text()
    change: Any = yaml.safe_load(text)
    target = patch.get("target") or {"kind": change["kind"], "name": change["metadata"]["name"]}
    if unknown := target.keys() - {"kind", "name", "labelSelector"}:
        raise Invalid(f"{folder}: {sorted(unknown)} of a patch's target is not supported")
    if not any(_is_target(each.body, target) for each in resources):
        raise Invalid(f"{folder}: nothing is {target}, which a patch names")
    if isinstance(change, list):
        apply = partial(apply_operations, operations=change)
        return [_change(each, apply) if _is_target(each.body, target) else each for each in resources]
    if change.pop("$patch", None) == "delete":
        return [each for each in resources if not _is_target(each.body, target)]
    change = {name: value for name, value in change.items() if name not in ("apiVersion", "kind")}
    change["metadata"] = {name: value for name, value in change["metadata"].items() if name != "name"}
    apply = partial(merge, patch=change)
    return [_change(each, apply) if _is_target(each.body, target) else each for each in resources]


def _change(resource: Resource, apply: "partial[Object]") -> Resource:
    return replace(resource, body=apply(resource.body))


def _is_target(body: Object, target: Object) -> bool:
    metadata = body["metadata"]
    return (
        bool(re.fullmatch(target.get("kind", ".*"), body["kind"]))
        and bool(re.fullmatch(target.get("name", ".*"), metadata["name"]))
        and matches_text(metadata.get("labels", {}), target.get("labelSelector", ""))
    )


def matches_text(labels: Object, selector: str) -> bool:
    """Whether labels satisfy `key=value` and `key in (a, b)`, separated by commas."""
    return all(
        labels.get(key) in ([value] if value else re.split(r"\s*,\s*", values.strip()))
        for key, value, values in _SELECTOR.findall(selector)
    )


def _transform(data: Object, resource: Resource) -> Resource:
    body = resource.body
    if "namespace" in data and body["kind"] != "Namespace":
        body = merge(body, {"metadata": {"namespace": data["namespace"]}})
    for labels in data.get("labels", ()):
        places = ["", *(_TEMPLATES.get(body["kind"], ()) if labels.get("includeTemplates") else ())]
        change = {"metadata": {"labels": labels["pairs"]}}
        for place in places:
            body = merge(body, _wrap(place, change))
        if claims := labels.get("includeTemplates") and body.get("spec", {}).get("volumeClaimTemplates"):
            body["spec"]["volumeClaimTemplates"] = [merge(claim, change) for claim in claims]
    for container in list_containers(body):
        container["image"] = _rename_image(container["image"], data.get("images", ()))
    return replace(resource, body=body)


def _wrap(place: str, value: Object) -> Object:
    for part in reversed(place.split(".") if place else []):
        value = {part: value}
    return value


def list_containers(node: object) -> Iterator[Object]:
    """Every container with an image, however deep."""
    if isinstance(node, dict):
        for field, value in node.items():
            if field in ("containers", "initContainers") and isinstance(value, list):
                yield from (each for each in value if "image" in each)
            else:
                yield from list_containers(value)
    elif isinstance(node, list):
        for each in node:
            yield from list_containers(each)


def _rename_image(image: str, rules: Sequence[Object]) -> str:
    name = re.split(r"[:@]", image)[0]
    for rule in rules:
        if rule["name"] == name:
            new = rule.get("newName", name)
            return f"{new}@{rule['digest']}" if "digest" in rule else f"{new}:{rule['newTag']}"
    return image


def main() -> None:
    """Prints the objects of a kustomization."""
    yaml.safe_dump_all(render(Path(sys.argv[1])), sys.stdout, sort_keys=False)


if __name__ == "__main__":
    main()
