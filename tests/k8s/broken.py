"""For each policy the smallest change of a rendered environment that it must find."""

from collections.abc import Callable, Mapping
from copy import deepcopy

from deploy.k8s.environments import Environment, Workload, render_environment
from deploy.k8s.merging import Object

Damage = Callable[[Environment], object]


def copy_environment(name: str) -> Environment:
    """One that may be changed."""
    whole = render_environment(name)
    return Environment(name, deepcopy(list(whole.objects)), whole.given)


def pod(environment: Environment, name: str) -> Workload:
    return next(each for each in environment.workloads if each.name == name)


def app(environment: Environment, name: str) -> Object:
    container: Object = pod(environment, name).spec["containers"][0]
    return container


def spec(environment: Environment, kind: str, name: str) -> Object:
    found = environment.find(kind, name)
    assert found
    inner: Object = found["spec"]
    return inner


def tell(environment: Environment, name: str, **settings: str) -> None:
    """Puts settings in front of those of the environment."""
    app(environment, name).setdefault("env", []).extend(
        {"name": key, "value": value} for key, value in settings.items()
    )


DAMAGES: Mapping[str, tuple[str, Damage]] = {
    "restricted": ("dev", lambda e: pod(e, "gateway").spec["securityContext"].update(runAsUser=0)),
    "images": ("prod", lambda e: app(e, "gateway").update(image="bookstream/gateway:latest")),
    "resources": ("dev", lambda e: app(e, "ingestor")["resources"].pop("limits")),
    "probes": ("dev", lambda e: app(e, "scraper").pop("livenessProbe")),
    "grace": ("dev", lambda e: pod(e, "books-api").spec.update(terminationGracePeriodSeconds=5)),
    "jobs": ("dev", lambda e: spec(e, "CronJob", "train").update(concurrencyPolicy="Allow")),
    "spread": ("dev", lambda e: pod(e, "search-api").spec.pop("topologySpreadConstraints")),
    "settings": ("dev", lambda e: tell(e, "gateway", BOOKSTREAM_GATEWAY_PROT="8080")),
    "secrets": ("dev", lambda e: tell(e, "books-api", BOOKSTREAM_INTERNAL_SECRET="known")),
    "hosts": (
        "dev",
        lambda e: tell(e, "ingestor", BOOKSTREAM_SEARCH_URL="elasticsearch://elastic:9200/books"),
    ),
    "references": ("prod", lambda e: pod(e, "gateway").spec.update(serviceAccountName="gatway")),
    "flows": ("test", lambda e: spec(e, "NetworkPolicy", "scraper").pop("egress")),
    "default-deny": ("test", lambda e: spec(e, "NetworkPolicy", "deny-all").update(policyTypes=["Ingress"])),
    "budgets": ("prod", lambda e: spec(e, "PodDisruptionBudget", "gateway").update(maxUnavailable=0)),
    "scalers": ("prod", lambda e: spec(e, "ScaledObject", "ingestor").update(maxReplicaCount=5)),
    "quota": (
        "prod",
        lambda e: spec(e, "ResourceQuota", "bookstream")["hard"].update({"limits.memory": "8Gi"}),
    ),
    "services": ("dev", lambda e: spec(e, "Service", "gateway")["ports"][0].update(targetPort="web")),
    "network-policies": (
        "dev",
        lambda e: spec(e, "NetworkPolicy", "gateway")["podSelector"].update(matchLabels={"app": "gateway"}),
    ),
    "monitors": (
        "prod",
        lambda e: spec(e, "PodMonitor", "bookstream")["podMetricsEndpoints"][0].update(port="web"),
    ),
    "routes": (
        "prod",
        lambda e: spec(e, "HTTPRoute", "gateway")["rules"][0]["backendRefs"][0].update(port=80),
    ),
    "topics": ("prod", lambda e: spec(e, "KafkaTopic", "books.book.state.v1").update(partitions=8)),
}
"""Policy -> the environment and the damage."""
