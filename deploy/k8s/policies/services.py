"""Policies on names that must agree: selectors, ports, topics, monitors and metrics."""

from collections.abc import Iterator

from deploy.k8s.environments import Environment
from deploy.k8s.merging import Object
from deploy.k8s.policies.network import list_places
from deploy.k8s.policies.selectors import matches

from bookcore.events.topics import TOPICS

_DAY_MS = 86_400_000


def find_dangling_services(environment: Environment) -> Iterator[str]:
    """Every Service chooses pods and names one of their ports; every workload chooses its own pods."""
    for service in environment.select("Service"):
        spec, name = service["spec"], service["metadata"]["name"]
        chosen = [each for each in environment.workloads if spec["selector"].items() <= each.labels.items()]
        if len(chosen) != 1:
            yield f"{name}: chooses pods of {[each.name for each in chosen]}"
        for workload in chosen:
            ports = [port for container in workload.containers for port in container.get("ports", ())]
            known = {port.get("name") for port in ports} | {port["containerPort"] for port in ports}
            wrong = {port.get("targetPort", port["port"]) for port in spec["ports"]} - known
            yield from (f"{name}: {port} is no port of {workload.name}" for port in sorted(wrong, key=str))
    for workload in environment.workloads:
        selector = workload.body["spec"].get("selector")
        if selector is not None and not matches(selector, workload.labels):
            yield f"{workload.name}: doesn't choose its own pods"
        service = workload.body["spec"].get("serviceName")
        if service is not None and environment.find("Service", service) is None:
            yield f"{workload.name}: belongs to the Service {service}, which there isn't"


def find_dangling_policies(environment: Environment) -> Iterator[str]:
    """Every NetworkPolicy chooses a pod."""
    places = [place for place in list_places(environment) if place.is_ours]
    for policy in environment.select("NetworkPolicy"):
        if not any(matches(policy["spec"]["podSelector"], place.labels) for place in places):
            yield f"{policy['metadata']['name']}: the policy is of no pod"


def find_dangling_monitors(environment: Environment) -> Iterator[str]:
    """A monitor chooses pods, and its port is one of each."""
    for monitor in environment.select("PodMonitor"):
        spec, name = monitor["spec"], monitor["metadata"]["name"]
        chosen = [each for each in environment.workloads if matches(spec["selector"], each.labels)]
        if not chosen:
            yield f"{name}: chooses no pod"
        for workload in chosen:
            ports = {p.get("name") for each in workload.containers for p in each.get("ports", ())}
            wrong = {endpoint["port"] for endpoint in spec["podMetricsEndpoints"]} - ports
            yield from (f"{name}: {port} is no port of {workload.name}" for port in sorted(wrong))


def find_dangling_routes(environment: Environment) -> Iterator[str]:
    """A route leads to a port of a Service, and none to metrics."""
    for route in environment.select("HTTPRoute"):
        name = route["metadata"]["name"]
        for rule in route["spec"]["rules"]:
            for target in rule["backendRefs"]:
                service = environment.find("Service", target["name"]) or {"spec": {"ports": ()}}
                if target["port"] not in {port["port"] for port in service["spec"]["ports"]}:
                    yield f"{name}: leads to {target['name']}:{target['port']}, which there isn't"
            if any("metrics" in match["path"]["value"] for match in rule.get("matches", ())):
                yield f"{name}: leads to metrics"


def find_other_topics(environment: Environment) -> Iterator[str]:
    """The topics of a cluster are those of the code, with their partitions and retention."""
    if not list(environment.select("Kafka")):
        return
    found = {each["metadata"]["name"]: each["spec"] for each in environment.select("KafkaTopic")}
    yield from (f"{name}: is in only one of both" for name in sorted(found.keys() ^ TOPICS.keys()))
    for name in sorted(found.keys() & TOPICS.keys()):
        if (told := _describe(found[name])) != (wanted := describe_topic(name)):
            yield f"{name}: has {told} instead of {wanted}"


def describe_topic(name: str) -> tuple[int, str, int]:
    """Partitions, cleanup policy and retention in milliseconds, as the code declares them."""
    topic = TOPICS[name]
    retention = -1 if topic.retention_days is None else topic.retention_days * _DAY_MS
    return topic.partitions, "compact,delete" if topic.compacted else "delete", retention


def _describe(spec: Object) -> tuple[int, str, int]:
    config = spec["config"]
    return spec["partitions"], config["cleanup.policy"], int(config["retention.ms"])
