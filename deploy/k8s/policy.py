"""The policies on the rendered objects, each with its name."""

from collections.abc import Callable, Iterator, Mapping

from deploy.k8s.environments import Environment
from deploy.k8s.policies import network, pods, scaling, services, settings

Policy = Callable[[Environment], Iterator[str]]
"""Yields one line per finding."""
POLICIES: Mapping[str, Policy] = {
    "restricted": pods.find_unrestricted_pods,
    "images": pods.find_floating_images,
    "resources": pods.find_unbounded_pods,
    "probes": pods.find_wrong_probes,
    "grace": pods.find_short_grace,
    "jobs": pods.find_careless_jobs,
    "spread": pods.find_crowded_pods,
    "settings": settings.find_unknown_settings,
    "secrets": settings.find_open_secrets,
    "hosts": settings.find_foreign_hosts,
    "references": settings.find_missing_objects,
    "flows": network.find_wrong_flows,
    "default-deny": network.find_open_pods,
    "budgets": scaling.find_wrong_budgets,
    "scalers": scaling.find_wrong_scalers,
    "quota": scaling.find_small_quota,
    "services": services.find_dangling_services,
    "network-policies": services.find_dangling_policies,
    "monitors": services.find_dangling_monitors,
    "routes": services.find_dangling_routes,
    "topics": services.find_other_topics,
}


def list_findings(environment: Environment) -> Iterator[str]:
    """`policy: finding` of every policy."""
    for name, find in POLICIES.items():
        yield from (f"{name}: {finding}" for finding in find(environment))
