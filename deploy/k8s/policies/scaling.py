"""Policies on numbers: replicas, budgets of disruption, scalers and the quota."""

import re
from collections.abc import Iterator, Mapping

from deploy.k8s.environments import Environment, Workload
from deploy.k8s.merging import Object
from deploy.k8s.policies.selectors import matches

from bookcore.events.topics import TOPICS

_UNITS = {"": 1.0, "m": 0.001, "k": 1e3, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}


def parse_quantity(text: str | float) -> float:
    """`250m` is 0.25, `1Gi` 1073741824."""
    number, unit = re.fullmatch(r"([\d.]+)(\w*)", str(text)).groups()  # type: ignore[union-attr]  # else it is no quantity
    return float(number) * _UNITS[unit]


def list_scalers(environment: Environment) -> Mapping[str, tuple[int, int]]:
    """Name of what is scaled -> fewest and most replicas."""
    found = {}
    for each in environment.select("HorizontalPodAutoscaler"):
        spec = each["spec"]
        found[spec["scaleTargetRef"]["name"]] = (spec["minReplicas"], spec["maxReplicas"])
    for each in environment.select("ScaledObject"):
        spec = each["spec"]
        found[spec["scaleTargetRef"]["name"]] = (spec["minReplicaCount"], spec["maxReplicaCount"])
    return found


def count_replicas(environment: Environment, workload: Workload) -> tuple[int, int]:
    """Fewest and most pods."""
    replicas = workload.body["spec"].get("replicas", 1)
    return list_scalers(environment).get(workload.name, (replicas, replicas))


def find_wrong_budgets(environment: Environment) -> Iterator[str]:
    """A service with several pods has one budget that lets one go; one with a single pod has none."""
    budgets = list(environment.select("PodDisruptionBudget"))
    for workload in environment.workloads:
        if workload.component != "service":
            continue
        chosen = [b["spec"] for b in budgets if matches(b["spec"]["selector"], workload.labels)]
        wanted = 1 if count_replicas(environment, workload)[0] > 1 else 0
        if len(chosen) != wanted:
            yield f"{workload.name}: has {len(chosen)} budgets of disruption instead of {wanted}"
        for spec in chosen:
            if spec.get("maxUnavailable") in (None, 0, "0%") or "minAvailable" in spec:
                yield f"{workload.name}: its budget may let no pod go"
            if spec.get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
                yield f"{workload.name}: an ill pod holds up the drain of its node"
    for budget in budgets:
        if not any(matches(budget["spec"]["selector"], each.labels) for each in environment.workloads):
            yield f"{budget['metadata']['name']}: the budget is of no pod"


def find_wrong_scalers(environment: Environment) -> Iterator[str]:
    """A scaler's target is there and says no number itself; consumers are no more than partitions."""
    workloads = {(each.kind, each.name): each for each in environment.workloads}
    rollouts = {
        each["metadata"]["name"]: each["spec"]["workloadRef"] for each in environment.select("Rollout")
    }
    for each in environment.select("HorizontalPodAutoscaler", "ScaledObject"):
        target, name = each["spec"]["scaleTargetRef"], each["metadata"]["name"]
        if target["kind"] == "Rollout":
            target = rollouts.get(target["name"], target)
        workload = workloads.get((target["kind"], target["name"]))
        if workload is None:
            yield f"{name}: scales {target['kind']} {target['name']}, which there isn't"
        elif "replicas" in workload.body["spec"]:
            yield f"{name}: {workload.name} says a number of replicas beside its scaler"
        for trigger in each["spec"].get("triggers", ()):
            topic = TOPICS.get(trigger["metadata"].get("topic", ""))
            if topic is None or each["spec"]["maxReplicaCount"] > topic.partitions:
                yield f"{name}: more replicas than partitions of a topic that there is"


def find_small_quota(environment: Environment) -> Iterator[str]:
    """The quota of the namespace holds everything at its largest, with the pod that a rollout adds."""
    quotas = list(environment.select("ResourceQuota"))
    if len(quotas) != 1:
        yield f"there are {len(quotas)} quotas"
        return
    hard, needed = quotas[0]["spec"]["hard"], {"pods": 0.0}
    for count, containers in _list_demands(environment):
        needed["pods"] += count
        for container in containers:
            for kind, values in container["resources"].items():
                for resource, quantity in values.items():
                    key = f"{kind}.{resource}"
                    needed[key] = needed.get(key, 0) + count * parse_quantity(quantity)
    for key, quantity in needed.items():
        if key in hard and parse_quantity(hard[key]) < quantity:
            yield f"{key}: {quantity:g} are needed, {hard[key]} allowed"
    if not {"requests.cpu", "requests.memory", "limits.memory", "pods"} <= hard.keys():
        yield "the quota leaves something unbounded"


def _list_demands(environment: Environment) -> Iterator[tuple[int, list[Object]]]:
    """Pods at most, and the containers of each."""
    for workload in environment.workloads:
        most = count_replicas(environment, workload)[1]
        surge = 1 if workload.kind == "Deployment" else 0
        yield most + surge, list(workload.containers)
    for each in environment.select("KafkaNodePool"):
        yield each["spec"]["replicas"], [each["spec"]]
    for each in environment.select("Cluster"):
        yield each["spec"]["instances"] + 1, [each["spec"]]
    for each in environment.select("Pooler"):
        yield each["spec"]["instances"] + 1, each["spec"]["template"]["spec"]["containers"]
    for each in environment.select("Elasticsearch"):
        for nodes in each["spec"]["nodeSets"]:
            yield nodes["count"], nodes["podTemplate"]["spec"]["containers"]
