"""Policies on the network: who can reach whom, as a matrix of the pods and a few places outside."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from deploy.k8s.environments import Environment
from deploy.k8s.merging import Object
from deploy.k8s.policies.selectors import matches
from deploy.k8s.policies.settings import collect_settings, list_known_settings

_HOME = "kubernetes.io/metadata.name"


@dataclass(frozen=True, slots=True)
class Place:
    """Pods that are alike, or an address outside (`address`); `namespace` holds the labels of theirs."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: frozenset[int] = frozenset()
    namespace: Mapping[str, str] | None = None
    address: str = ""

    @property
    def is_ours(self) -> bool:
        return self.namespace is None and not self.address


Flow = tuple[str, str, int]
"""From, to, port."""
OUTSIDE = (
    Place("dns", {"k8s-app": "kube-dns"}, frozenset({53}), {_HOME: "kube-system"}),
    Place("prometheus", {"app.kubernetes.io/name": "prometheus"}, namespace={_HOME: "monitoring"}),
    Place("proxy", {}, namespace={_HOME: "gateway-system"}),
    Place("stranger", {"app.kubernetes.io/name": "gateway"}, frozenset({80}), {_HOME: "other"}),
    Place("internet", ports=frozenset({80, 443, 25}), address="203.0.113.9"),
    Place("intranet", ports=frozenset({80, 443}), address="10.1.2.3"),
    Place("metadata", ports=frozenset({80}), address="169.254.169.254"),
)


def list_places(environment: Environment) -> list[Place]:
    """Every workload, every server of an operator, and the places outside."""
    ours = [
        Place(
            workload.name,
            workload.labels,
            frozenset(p["containerPort"] for c in workload.containers for p in c.get("ports", ())),
        )
        for workload in environment.workloads
    ]
    return [*ours, *_list_operated(environment), *OUTSIDE]


def _list_operated(environment: Environment) -> Iterator[Place]:
    for each in environment.select("Kafka"):
        labels = each["spec"]["kafka"]["template"]["pod"]["metadata"]["labels"]
        cluster = {"strimzi.io/cluster": each["metadata"]["name"]}
        yield Place("kafka", labels | cluster, frozenset({9092}))
    for each in environment.select("Cluster"):
        yield Place("postgres", each["spec"]["inheritedMetadata"]["labels"], frozenset({5432}))
    for each in environment.select("Elasticsearch"):
        labels = each["spec"]["nodeSets"][0]["podTemplate"]["metadata"]["labels"]
        yield Place("elasticsearch", labels, frozenset({9200}))


def list_allowed(environment: Environment) -> set[Flow]:
    """Every flow between two places that the NetworkPolicies let pass."""
    policies, places = list(environment.select("NetworkPolicy")), list_places(environment)
    return {
        (source.name, target.name, port)
        for source in places
        for target in places
        if source is not target and (source.is_ours or target.is_ours)
        for port in target.ports
        if _may_pass(policies, source, target, port)
    }


def _may_pass(policies: Sequence[Object], source: Place, target: Place, port: int) -> bool:
    leaves = not source.is_ours or _allows(policies, "egress", (source, target), port)
    return leaves and (not target.is_ours or _allows(policies, "ingress", (target, source), port))


def _allows(policies: Sequence[Object], direction: str, sides: tuple[Place, Place], port: int) -> bool:
    """Whether a pod's policies allow the other side; a pod without any policy allows all."""
    pod, other = sides
    chosen = [
        each["spec"]
        for each in policies
        if direction.capitalize() in each["spec"]["policyTypes"]
        and matches(each["spec"]["podSelector"], pod.labels)
    ]
    return not chosen or any(
        _is_port(rule, port) and _is_peer(rule.get("from" if direction == "ingress" else "to"), other)
        for spec in chosen
        for rule in spec.get(direction, ())
    )


def _is_port(rule: Object, port: int) -> bool:
    return "ports" not in rule or any(each["port"] == port for each in rule["ports"])


def _is_peer(peers: Sequence[Object] | None, other: Place) -> bool:
    return peers is None or any(_matches_peer(peer, other) for peer in peers)


def _matches_peer(peer: Object, other: Place) -> bool:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        inside = [block["cidr"], *block.get("except", ())]
        found = [other.address != "" and ip_address(other.address) in ip_network(each) for each in inside]
        return found[0] and not any(found[1:])
    if other.address or (other.namespace is None) == ("namespaceSelector" in peer):
        return False
    here = matches(peer.get("namespaceSelector", {}), other.namespace or {})
    return here and matches(peer.get("podSelector", {}), other.labels)


def list_wanted(environment: Environment) -> set[Flow]:
    """The flows that are needed: each URL of a setting, DNS, metrics, clients, pages and a lake outside."""
    hosts = _list_targets(environment)
    wanted: set[Flow] = {("proxy", "gateway", 8080)}
    for workload in environment.workloads:
        known, name = list_known_settings(workload), workload.name
        wanted.add((name, "dns", 53))
        if workload.component == "service":
            wanted.add(("prometheus", name, 9090))
        for setting in collect_settings(environment, workload).values():
            if setting.name in known or (not known and setting.name.endswith("_URL")):
                wanted |= {(name, hosts[host], port) for host, port in setting.addresses if host in hosts}
        if workload.labels.get("bookstream/lake") and environment.is_production:
            wanted.add((name, "internet", 443))
        if workload.labels.get("bookstream/lake") and environment.name == "prod-gcp":
            wanted.add((name, "metadata", 80))  # Workload Identity
    wanted |= {("scraper", "internet", port) for port in (80, 443)}
    if environment.find("Deployment", "sample-shop"):
        wanted.add(("scraper", "sample-shop", 8090))
    return wanted


def _list_targets(environment: Environment) -> Mapping[str, str]:
    """Host -> the name of the pods behind it."""
    found = {
        service["metadata"]["name"]: workload.name
        for service in environment.select("Service")
        for workload in environment.workloads
        if service["spec"]["selector"].items() <= workload.labels.items()
    }
    made = {
        "kafka-kafka-bootstrap": "kafka",
        "postgres-rw": "postgres",
        "postgres-pooler": "postgres",
        "elasticsearch-es-http": "elasticsearch",
    }
    return made | found


def find_wrong_flows(environment: Environment) -> Iterator[str]:
    """Flows that are needed and blocked, or let pass and not needed."""
    allowed, wanted = list_allowed(environment), list_wanted(environment)
    # servers of operators reach the API server and the bucket of their backups
    operated = {place.name for place in _list_operated(environment)}
    for source, target, port in sorted(allowed ^ wanted):
        if source not in operated:
            how = "is blocked" if (source, target, port) in wanted else "should be blocked"
            yield f"{source} -> {target}:{port} {how}"


def find_open_pods(environment: Environment) -> Iterator[str]:
    """Every pod is chosen by a policy that denies both directions."""
    denied = [
        each["spec"]["podSelector"]
        for each in environment.select("NetworkPolicy")
        if each["spec"].keys() == {"podSelector", "policyTypes"}
        and each["spec"]["policyTypes"] == ["Ingress", "Egress"]
    ]
    for workload in environment.workloads:
        if not any(matches(selector, workload.labels) for selector in denied):
            yield f"{workload.name}: no policy denies what isn't allowed"
