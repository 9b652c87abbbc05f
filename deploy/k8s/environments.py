"""What is checked together: an overlay, and the servers that production brings by operators."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deploy.k8s.merging import Object
from deploy.k8s.render import render

FOLDER = Path(__file__).parent
KUSTOMIZATIONS = (
    "overlays/dev",
    "overlays/test",
    "overlays/prod",
    "overlays/prod-gcp",
    "platform",
    "admission",
    "argocd",
)
ENVIRONMENTS: Mapping[str, Sequence[str]] = {
    "dev": ("overlays/dev",),
    "test": ("overlays/test",),
    "prod": ("platform", "overlays/prod"),
    "prod-gcp": ("platform", "overlays/prod-gcp"),
}
GIVEN = {"dev": ("gateway-keys",), "test": ("gateway-keys",), "prod": (), "prod-gcp": ()}
"""Secrets that are made by hand before the first apply."""
_KINDS = {"Deployment", "StatefulSet", "Job", "CronJob"}


@dataclass(frozen=True, slots=True)
class Workload:
    """A kind that makes pods; `spec` is its pod's."""

    body: Object
    template: Object

    @property
    def kind(self) -> str:
        return str(self.body["kind"])

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def labels(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.template["metadata"]["labels"]
        return found

    @property
    def spec(self) -> Object:
        found: Object = self.template["spec"]
        return found

    @property
    def component(self) -> str:
        """service, job, stand-in, registry or server."""
        return self.labels["app.kubernetes.io/component"]

    @property
    def containers(self) -> Sequence[Object]:
        return (*self.spec["containers"], *self.spec.get("initContainers", ()))

    @property
    def is_job(self) -> bool:
        return self.kind in ("Job", "CronJob")


@dataclass(frozen=True, slots=True)
class Environment:
    """All objects that live in one cluster; `given` secrets are made by hand."""

    name: str
    objects: Sequence[Object]
    given: Sequence[str] = ()

    @property
    def is_production(self) -> bool:
        return self.name.startswith("prod")

    def select(self, *kinds: str) -> Iterator[Object]:
        """Objects of the given kinds."""
        return (each for each in self.objects if each["kind"] in kinds)

    def find(self, kind: str, name: str) -> Object | None:
        """The object, if there is one."""
        return next((each for each in self.select(kind) if each["metadata"]["name"] == name), None)

    @property
    def workloads(self) -> Sequence[Workload]:
        return tuple(Workload(each, _find_template(each)) for each in self.select(*_KINDS))


def _find_template(body: Object) -> Object:
    spec: Object = body["spec"]
    template: Object = (spec["jobTemplate"]["spec"] if body["kind"] == "CronJob" else spec)["template"]
    return template


@cache
def render_environment(name: str) -> Environment:
    """The rendered environment; of two objects with one name the later kustomization's counts."""
    objects = [each for part in ENVIRONMENTS[name] for each in render(FOLDER / part)]
    return Environment(name, objects, GIVEN[name])
