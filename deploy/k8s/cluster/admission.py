"""What a real API server says: strict fields, the rights of every pod, and faults that it must refuse."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from threading import Event

import yaml
from deploy.k8s.cluster.control_plane import Kubectl
from deploy.k8s.environments import Environment, Workload
from deploy.k8s.merging import Object

from bookcore.domain.errors import Unavailable

Fault = tuple[str, str, Callable[[Object], object], str]
"""Kind, name, the damage and a word of the answer."""
FAULTS: Mapping[str, Fault] = {
    "replicas in words": (
        "KafkaNodePool",
        "brokers",
        lambda o: o["spec"].update(replicas="three"),
        "replicas",
    ),
    "an unknown field of a topic": (
        "KafkaTopic",
        "books.book.state.v1",
        lambda o: o["spec"].update(partition=4),
        "partition",
    ),
    "a number for a text": (
        "ScaledObject",
        "ingestor",
        lambda o: o["spec"]["triggers"][0]["metadata"].update(lagThreshold=5),
        "lagThreshold",
    ),
    "a misspelt port of a monitor": (
        "PodMonitor",
        "bookstream",
        lambda o: o["spec"]["podMetricsEndpoints"][0].update(prot="x"),
        "prot",
    ),
    "a schedule of words": ("CronJob", "train", lambda o: o["spec"].update(schedule="at night"), "schedule"),
    "a misspelt probe": (
        "Deployment",
        "gateway",
        lambda o: o["spec"]["template"]["spec"]["containers"][0].update(readynessProbe={}),
        "readynessProbe",
    ),
    "a budget that names both bounds": (
        "PodDisruptionBudget",
        "gateway",
        lambda o: o["spec"].update(minAvailable=1),
        "minAvailable",
    ),
}


def apply_dry(kubectl: Kubectl, objects: list[Object]) -> list[str]:
    """The server's answer to each object, without keeping any. Raises: Unavailable with the first refusal."""
    return kubectl.run("apply", *_DRY, "--filename=-", given=yaml.safe_dump_all(objects)).splitlines()


_EFFECTIVE_WITHIN = 60.0  # seconds
_DRY = ("--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts")


def build_pod(workload: Workload) -> Object:
    """A pod of a workload, with a claim's volumes as empty folders: only pods are asked for their rights."""
    spec = deepcopy(workload.spec)
    claims = workload.body["spec"].get("volumeClaimTemplates", ())
    spec["volumes"] = [
        *spec.get("volumes", ()),
        *({"name": each["metadata"]["name"], "emptyDir": {}} for each in claims),
    ]
    metadata = {"name": f"{workload.name}-0", "namespace": "bookstream", "labels": dict(workload.labels)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def find_unrefused(kubectl: Kubectl, environment: Environment) -> Iterator[str]:
    """Faults that the server takes, or refuses without naming them."""
    for name, (kind, found, damage, word) in FAULTS.items():
        body = deepcopy(environment.find(kind, found))
        if body is None:
            raise Unavailable(f"there is no {kind} {found} to damage")
        damage(body)
        yield from _find_unrefused(kubectl, body, name, word)
    pod = build_pod(next(each for each in environment.workloads if each.name == "gateway"))
    pod["spec"]["securityContext"]["runAsNonRoot"] = False
    pod["spec"]["containers"][0]["securityContext"]["runAsNonRoot"] = False
    yield from _find_unrefused(kubectl, pod, "a pod that may be root", "restricted")


def await_admission_policy(kubectl: Kubectl, environment: Environment) -> None:
    """Waits until a pod with a tag is refused. Raises: Unavailable when it still isn't after a minute."""
    pod = build_pod(next(each for each in environment.workloads if each.name == "gateway"))
    pod["spec"]["containers"][0]["image"] = "bookstream/gateway:latest"
    deadline, pause = time.monotonic() + _EFFECTIVE_WITHIN, Event()
    while wrong := list(_find_unrefused(kubectl, pod, "a pod with a tag", "named by its digest")):
        if time.monotonic() > deadline:
            raise Unavailable(wrong[0])
        pause.wait(0.5)


def _find_unrefused(kubectl: Kubectl, body: Object, name: str, word: str) -> Iterator[str]:
    try:
        apply_dry(kubectl, [body])
    except Unavailable as error:
        if word not in str(error):
            yield f"{name}: refused, but for {error}"
    else:
        yield f"{name}: not refused"


def list_deprecated(kubectl: Kubectl, objects: list[Object]) -> Iterator[str]:
    """API versions of the objects that the server doesn't serve."""
    served = set(kubectl.run("api-versions").split())
    yield from sorted({each["apiVersion"] for each in objects} - served)


def await_kinds(kubectl: Kubectl) -> None:
    """Waits until the server serves every definition that it was given. Raises: Unavailable."""
    names = json.loads(kubectl.run("get", "crd", "--output=json"))["items"]
    for each in names:
        name = f"crd/{each['metadata']['name']}"
        kubectl.run("wait", "--for=condition=Established", "--timeout=60s", name)
