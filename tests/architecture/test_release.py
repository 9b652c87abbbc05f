"""Workflows are safe, images.lock names the images of Compose and Kubernetes, SBOMs are of the lock."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.k8s.environments import ENVIRONMENTS, render_environment
from deploy.release import lock
from deploy.release.images import Image, find_image, list_images
from deploy.release.sbom import build_requirements, list_packages
from docs.generate import ROOT

from bookcore.domain.errors import Invalid

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
OURS = [image for image in list_images() if image.arguments is not None]
DIGEST = f"sha256:{'1' * 64}"


def load(path: Path) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load(path.read_text())
    return loaded


def test_zizmor_finds_nothing_in_the_workflows() -> None:
    zizmor = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [zizmor, "--offline", "--persona=pedantic", "--no-progress", *WORKFLOWS],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.stem))
def test_a_workflow_has_no_rights_but_those_of_a_job_and_pins_actions_by_hash(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {}
    assert all(job["permissions"] and job["timeout-minutes"] for job in workflow["jobs"].values())
    used = re.findall(r"uses: (.+)", path.read_text())
    assert used
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action) for action in used)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.stem))
def test_a_workflow_puts_no_template_into_a_script(path: Path) -> None:
    steps = [step for job in load(path)["jobs"].values() for step in job["steps"]]
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []


def test_ci_runs_what_everybody_runs() -> None:
    (job,) = load(ROOT / ".github/workflows/ci.yml")["jobs"].values()
    assert job["steps"][-1]["run"] == ".ci/run"


def test_the_release_builds_every_image() -> None:
    job = load(ROOT / ".github/workflows/release.yml")["jobs"]["image"]
    assert job["strategy"]["matrix"]["name"] == [image.name.partition("/")[2] for image in OURS]


def test_an_image_is_built_with_the_arguments_of_compose() -> None:
    words = find_image("gateway").build_words("x:1")
    assert {"DISTRIBUTION=gateway", "COMPILE=yes", "BUILDER=python:3.11-bookworm"} <= set(words)
    assert words[:4] == ["--file", "deploy/Dockerfile", "--tag", "x:1"]


def test_the_lock_and_the_component_are_what_the_command_writes() -> None:
    locked = lock.list_locked("registry.example.com", "unreleased", {})
    assert lock.dump_lock(locked) == lock.LOCK.read_text()
    assert lock.dump_component(lock.DIGESTS.read_text(), locked) == lock.DIGESTS.read_text()


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_image_of_kubernetes_is_in_the_lock(name: str) -> None:
    rows = lock.parse_lock(lock.LOCK.read_text())
    by_name = {source.removeprefix("registry.example.com/"): tag for source, (tag, _) in rows.items()}
    for workload in render_environment(name).workloads:
        for container in workload.containers:
            image, tag = re.split(
                r"[:@]", container["image"].removeprefix("registry.example.com/"), maxsplit=1
            )
            assert image in by_name, workload.name
            assert image.startswith("bookstream/") or tag.startswith("sha256:") or tag == by_name[image]


def test_a_release_needs_the_digest_of_every_image(tmp_path: Path) -> None:
    for image in list_images():
        (tmp_path / re.sub(r"[/:]", "_", image.name)).write_text(f"{DIGEST}\n")
    locked = lock.list_locked("ghcr.io/shop", "v1.0.0", lock.read_digests(tmp_path))
    rows = lock.parse_lock(lock.dump_lock(locked))
    assert rows["ghcr.io/shop/bookstream/gateway"] == ("v1.0.0", DIGEST)
    assert rows["postgres"] == ("18", DIGEST)
    component = lock.dump_component(lock.DIGESTS.read_text(), locked)
    assert f"newName: ghcr.io/shop/bookstream/gateway, digest: {DIGEST}" in component
    (tmp_path / "bookstream_gateway").unlink()
    with pytest.raises(Invalid, match="bookstream/gateway has no digest"):
        lock.list_locked("ghcr.io/shop", "v1.0.0", lock.read_digests(tmp_path))


@pytest.mark.parametrize("image", OURS, ids=lambda image: image.name)
def test_packages_of_an_image_are_locked_with_hashes(image: Image) -> None:
    listed = build_requirements(image)
    assert "--hash=sha256:" in listed or image.name == "bookstream/sample-shop"
    assert all("==" in line for line in listed.splitlines() if line and line[0].isalnum())


def test_an_image_lists_its_own_packages_and_not_those_of_others() -> None:
    assert {"scrapy", "boto3", "pydantic"} <= set(list_packages(find_image("scraper")))
    assert not {"scrapy", "lightgbm", "pytest"} & set(list_packages(find_image("books-api")))
    assert {"lightgbm", "onnxruntime"} <= set(list_packages(find_image("trainer")))
