"""Policies on the pods: rights, images, resources, probes and how they end."""

import re
from collections.abc import Iterator

from deploy.k8s.environments import Environment, Workload
from deploy.k8s.merging import Object

_DRAIN = 2  # seconds that a server takes for its goodbye, at most
_VOLUMES = {"configMap", "emptyDir", "projected", "secret", "persistentVolumeClaim", "name"}
_LONGEST_START = 300  # seconds


def find_unrestricted_pods(environment: Environment) -> Iterator[str]:
    """What Pod Security `restricted` refuses, and what ours have beyond it."""
    for workload in environment.workloads:
        spec, rights = workload.spec, workload.spec.get("securityContext", {})
        checks = {
            "runAsNonRoot": rights.get("runAsNonRoot") is True,
            "a user other than root": rights.get("runAsUser", 0) != 0,
            "seccomp": rights.get("seccompProfile", {}).get("type") == "RuntimeDefault",
            "enableServiceLinks: false": spec.get("enableServiceLinks") is False,
            "automountServiceAccountToken: false": spec.get("automountServiceAccountToken") is False,
            "an account of its own": spec.get("serviceAccountName", "default") != "default",
            "no namespace of the node": not spec.keys() & {"hostNetwork", "hostPID", "hostIPC"},
            "no volume of the node": all(v.keys() <= _VOLUMES for v in spec.get("volumes", ())),
            "a limit of every emptyDir": all(
                "sizeLimit" in v["emptyDir"] for v in spec.get("volumes", ()) if "emptyDir" in v
            ),
        }
        yield from (f"{workload.name}: lacks {what}" for what, is_met in checks.items() if not is_met)
        for container in workload.containers:
            yield from _find_container_rights(workload, container)


def _find_container_rights(workload: Workload, container: Object) -> Iterator[str]:
    rights = container.get("securityContext", {})
    checks = {
        "allowPrivilegeEscalation: false": rights.get("allowPrivilegeEscalation") is False,
        "no capabilities": rights.get("capabilities", {}) == {"drop": ["ALL"]},
        "no privileges": not rights.get("privileged"),
        "no port of the node": not any("hostPort" in port for port in container.get("ports", ())),
        # other people's images write beside their data
        "a read-only root": rights.get("readOnlyRootFilesystem") is True or workload.component == "stand-in",
        "imagePullPolicy: IfNotPresent": container.get("imagePullPolicy") == "IfNotPresent",
    }
    yield from (f"{workload.name}: lacks {what}" for what, is_met in checks.items() if not is_met)


def find_floating_images(environment: Environment) -> Iterator[str]:
    """Production names images by digest, others by a tag that isn't latest."""
    pinned = r".+@sha256:[0-9a-f]{64}" if environment.is_production else r"[^@]+:(?!latest$)[\w.-]+"
    for workload in environment.workloads:
        for container in workload.containers:
            if not re.fullmatch(pinned, container["image"]):
                yield f"{workload.name}: the image {container['image']} can become another one"


def find_unbounded_pods(environment: Environment) -> Iterator[str]:
    """Requests of CPU and memory, a limit of memory, none of CPU."""
    for workload in environment.workloads:
        for container in workload.containers:
            resources = container.get("resources", {})
            requests, limits = resources.get("requests", {}), resources.get("limits", {})
            if not {"cpu", "memory"} <= requests.keys() or "memory" not in limits:
                yield f"{workload.name}: lacks requests of CPU and memory or a limit of memory"
            if "cpu" in limits:
                yield f"{workload.name}: a limit of CPU makes it wait while cores are idle"


def find_wrong_probes(environment: Environment) -> Iterator[str]:
    """Three probes where a process runs on, none where it ends; a service is asked at its admin port."""
    for workload in environment.workloads:
        for container in workload.containers:
            probes = {name: value for name, value in container.items() if name.endswith("Probe")}
            if len(probes) != (0 if workload.is_job else 3):
                yield f"{workload.name}: has {len(probes)} probes"
            ports = {port.get("name") for port in container.get("ports", ())}
            for name, probe in probes.items():
                asked: Object = next((probe[how] for how in ("httpGet", "tcpSocket") if how in probe), {})
                if asked and asked["port"] not in ports:
                    yield f"{workload.name}: {name} asks port {asked['port']}, which there isn't"
                if workload.component == "service" and asked.get("port") != "admin":
                    yield f"{workload.name}: {name} doesn't ask the admin port"
            start = probes.get("startupProbe", {})
            if start.get("failureThreshold", 3) * start.get("periodSeconds", 10) > _LONGEST_START:
                yield f"{workload.name}: may take longer than {_LONGEST_START} s to start"


def find_short_grace(environment: Environment) -> Iterator[str]:
    """A pod has time for preStop and drain before it is killed; what answers requests waits in preStop."""
    for workload in environment.workloads:
        for container in workload.containers:
            pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            ports = {port.get("name") for port in container.get("ports", ())}
            if workload.component == "service" and "http" in ports and pause < 5:
                yield f"{workload.name}: leaves before every node knows that it does"
            if workload.spec.get("terminationGracePeriodSeconds", 30) < pause + _DRAIN + 20:
                yield f"{workload.name}: is killed before its last requests are answered"


def find_careless_jobs(environment: Environment) -> Iterator[str]:
    """Jobs end, are tried again a few times and are cleared away; scheduled ones don't overlap."""
    for workload in environment.workloads:
        if not workload.is_job:
            continue
        spec = workload.body["spec"]
        if workload.kind == "CronJob":
            if spec.get("concurrencyPolicy") != "Forbid" or "startingDeadlineSeconds" not in spec:
                yield f"{workload.name}: may overlap with itself, or starts however late"
            spec = spec["jobTemplate"]["spec"]
        if not {"activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"} <= spec.keys():
            yield f"{workload.name}: may run, fail or stay for ever"


def find_crowded_pods(environment: Environment) -> Iterator[str]:
    """Pods of a service lie on several nodes and in several zones, without waiting for one."""
    for workload in environment.workloads:
        if workload.component == "service":
            spread = workload.spec.get("topologySpreadConstraints", ())
            keys = {each["topologyKey"] for each in spread}
            if keys != {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}:
                yield f"{workload.name}: may lie on one node or in one zone"
            if any(each["labelSelector"]["matchLabels"].items() - workload.labels.items() for each in spread):
                yield f"{workload.name}: is spread by labels of others"
