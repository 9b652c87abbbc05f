"""`make test-k8s`: the overlays before a real API server of Kubernetes, built of its modules.

`python -m deploy.k8s.cluster.test`; all files are below .stack/k8s. One line per step. There is no node:
no pod runs.
"""

import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import yaml
from deploy.k8s.cluster.admission import (
    FAULTS,
    apply_dry,
    await_admission_policy,
    await_kinds,
    build_pod,
    find_unrefused,
    list_deprecated,
)
from deploy.k8s.cluster.control_plane import Kubectl, start_control_plane
from deploy.k8s.cluster.program import build_program, read_version
from deploy.k8s.compared import compare_all
from deploy.k8s.crds import collect_definitions
from deploy.k8s.environments import ENVIRONMENTS, FOLDER, Environment, render_environment
from deploy.k8s.merging import Object
from deploy.k8s.render import render

from bookcore.domain.errors import BookstreamError, Unavailable

_FOLDER = Path(".stack/k8s").absolute()
_UNDEFINED = {"Cluster", "Database", "Pooler", "ScheduledBackup", "ObjectStore"}
"""Kinds of CloudNativePG: no package here has their definitions."""
T = TypeVar("T")


def main() -> int:
    """Returns 0, or 1 with one line about the failure."""
    began = time.monotonic()
    try:
        program = _run_step(f"Kubernetes {read_version()} built", lambda: build_program(_FOLDER / "bin"))
        kubectl = Kubectl([str(program), "kubectl"])
        differences = _run_step("rendered by kustomize as well", lambda: compare_all(kubectl.words))
        if differences:
            raise Unavailable(f"the renderers differ: {differences[:3]}")
        with start_control_plane(program, _FOLDER / "run") as server:
            _print(f"API server ready after {time.monotonic() - began:.0f} s")
            _test_admission(server)
    except BookstreamError as error:
        _print(f"FAILED: {error}")
        return 1
    _print(f"all in {time.monotonic() - began:.0f} s")
    return 0


def _test_admission(kubectl: Kubectl) -> None:
    with TemporaryDirectory() as folder:
        definitions = _run_step("operators' definitions made", lambda: collect_definitions(Path(folder)))
        for path in definitions:
            kubectl.run("apply", "--server-side", f"--filename={path}")
    await_kinds(kubectl)
    prod = render_environment("prod")
    _keep(kubectl, prod.select("Namespace"))
    for name in ENVIRONMENTS:
        _run_step(f"{name} admitted", partial(_admit, kubectl, render_environment(name)))
    _keep(kubectl, render(FOLDER / "admission"))
    await_admission_policy(kubectl, prod)
    _run_step("prod admitted by its own policy", partial(_admit, kubectl, prod))
    if wrong := list(find_unrefused(kubectl, prod)):
        raise Unavailable(f"the server takes what it should refuse: {wrong}")
    _print(f"{len(FAULTS) + 1} faulty objects refused by name")


def _admit(kubectl: Kubectl, environment: Environment) -> None:
    """Raises: Unavailable with the first object, or pod of a workload, that is refused."""
    objects = [each for each in environment.objects if each["kind"] not in _UNDEFINED]
    if unserved := list(list_deprecated(kubectl, objects)):
        raise Unavailable(f"{environment.name}: the server doesn't serve {unserved}")
    pods = [build_pod(each) for each in environment.workloads]
    answers = apply_dry(kubectl, objects) + apply_dry(kubectl, pods)
    _print(f"  {environment.name}: {len(objects)} objects and {len(pods)} pods, {len(answers)} answers")


def _keep(kubectl: Kubectl, objects: Iterable[Object]) -> None:
    kubectl.run("apply", "--server-side", "--filename=-", given=yaml.safe_dump_all(objects))


def _run_step(what: str, act: Callable[[], T]) -> T:
    began = time.monotonic()
    result = act()
    _print(f"{what} in {time.monotonic() - began:.0f} s")
    return result


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
