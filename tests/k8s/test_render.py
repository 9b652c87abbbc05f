"""The renderer does what kustomize does, as far as deploy/k8s uses it, and refuses the rest."""

from pathlib import Path

import pytest
import yaml
from deploy.k8s.environments import FOLDER
from deploy.k8s.generated import build_object, compute_suffix
from deploy.k8s.merging import Object, apply_operations, merge
from deploy.k8s.render import matches_text, render

from bookcore.domain.errors import Invalid


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def test_a_merge_replaces_elements_by_name_and_keeps_the_others() -> None:
    target = {
        "containers": [{"name": "app", "image": "a", "env": [{"name": "A", "value": "1"}]}, {"name": "b"}]
    }
    patch = {"containers": [{"name": "app", "env": [{"name": "B", "value": "2"}]}]}
    merged = merge(target, patch)["containers"]
    assert [each["name"] for each in merged] == ["app", "b"]
    assert merged[0] == {
        "name": "app",
        "image": "a",
        "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
    }


def test_a_merge_removes_what_is_none_and_replaces_lists_without_names() -> None:
    assert merge({"a": 1, "args": ["x", "y"]}, {"a": None, "args": ["z"]}) == {"args": ["z"]}


def test_a_json_patch_adds_replaces_and_removes() -> None:
    operations: list[Object] = [
        {"op": "add", "path": "/a/-", "value": 3},
        {"op": "replace", "path": "/b~1c", "value": 2},
        {"op": "remove", "path": "/a/0"},
    ]
    assert apply_operations({"a": [1, 2], "b/c": 1}, operations) == {"a": [2, 3], "b/c": 2}


@pytest.mark.parametrize(
    "operation", [{"op": "move", "path": "/a"}, {"op": "add", "path": "/x/y", "value": 1}]
)
def test_a_json_patch_that_cannot_be_applied_is_refused(operation: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        apply_operations({"a": 1}, [operation])


def test_a_name_ends_in_kustomizes_hash_of_the_content() -> None:
    """The expected ones are what `kubectl kustomize` writes."""
    configuration = build_object("ConfigMap", "my-configmap", {"foo": "bar", "baz": "qux"})
    assert compute_suffix(configuration) == "6b85g79g7g"
    assert compute_suffix(build_object("Secret", "lake-key", {"A": "b"})) == "6ftc5d8475"


def test_a_changed_secret_changes_the_pod_that_names_it(tmp_path: Path) -> None:
    kustomization = (
        "resources: [job.yaml]\nsecretGenerator: [{name: word, literals: [A=%s]}]\nconfigMapGenerator: []\n"
    )
    job = (
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\n"
        "spec: {template: {spec: {volumes: [{name: s, secret: {secretName: word}}]}}}\n"
    )
    named = []
    for word in ("one", "two"):
        objects = render(write(tmp_path, job=job, kustomization=kustomization % word))
        named.append(objects[0]["spec"]["template"]["spec"]["volumes"][0]["secret"]["secretName"])
        assert objects[1]["metadata"]["name"] == named[-1]
    assert named[0] != named[1]


def test_a_field_that_the_renderer_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="namePrefix"):
        render(write(tmp_path, kustomization="namePrefix: x-\n"))


def test_a_patch_of_nothing_is_refused(tmp_path: Path) -> None:
    text = "patches: [{target: {kind: Deployment}, patch: '[{op: remove, path: /a}]'}]\n"
    with pytest.raises(Invalid, match="nothing is"):
        render(write(tmp_path, kustomization=text))


@pytest.mark.parametrize(
    ("selector", "matches"),
    [("a=1", True), ("a=2", False), ("a in (1, 2)", True), ("b in (1)", False), ("", True)],
)
def test_a_selector_chooses_by_labels(selector: str, matches: bool) -> None:  # noqa: FBT001
    assert matches_text({"a": "1"}, selector) is matches


def test_every_file_is_part_of_a_kustomization() -> None:
    used: set[Path] = set()
    for path in FOLDER.rglob("kustomization.yaml"):
        data = yaml.safe_load(path.read_text())
        names = [*data.get("resources", ()), *(p["path"] for p in data.get("patches", ()) if "path" in p)]
        names += [name for generator in data.get("secretGenerator", ()) for name in generator.get("envs", ())]
        used |= {path, *(path.parent / name for name in names)}
    found = {*FOLDER.rglob("*.yaml"), *FOLDER.rglob("*.env")}
    assert sorted(found - used) == []
