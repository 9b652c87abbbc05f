"""What is in deploy/k8s satisfies the policies, and each policy finds what it is for."""

from copy import deepcopy

import pytest
from deploy.k8s.cluster.program import read_version
from deploy.k8s.environments import ENVIRONMENTS, FOLDER, KUSTOMIZATIONS, render_environment
from deploy.k8s.policies.settings import list_drift
from deploy.k8s.policy import POLICIES
from deploy.k8s.render import render
from deploy.k8s.schemas import VERSIONS, find_schema_errors
from tests.k8s.broken import DAMAGES, copy_environment


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_satisfies_a_policy(name: str, policy: str) -> None:
    assert list(POLICIES[policy](render_environment(name))) == []


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_finds_its_broken_example(policy: str) -> None:
    name, damage = DAMAGES[policy]
    environment = copy_environment(name)
    damage(environment)
    assert list(POLICIES[policy](environment)) != []


def test_every_policy_has_a_broken_example() -> None:
    assert DAMAGES.keys() == POLICIES.keys()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", KUSTOMIZATIONS)
def test_objects_are_of_the_schemas_of_a_version(name: str, version: str) -> None:
    assert list(find_schema_errors(render(FOLDER / name), version)) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("Deployment", "paused_", True),
        ("StatefulSet", "serviceName", 1),
        ("CronJob", "schedule", None),
        ("ScaledObject", "maxReplicaCount", "four"),
        ("PodMonitor", "podMetricsEndpoint", []),
        ("KafkaTopic", "partition", 4),
        ("Elasticsearch", "versoin", "9.5.0"),
        ("ExternalSecret", "refreshInterval", 1),
        ("HTTPRoute", "host", "x"),
        ("Cluster", "instances", "three"),
    ],
)
def test_a_schema_refuses_a_wrong_or_unknown_field(
    kind: str, field: str, value: object, version: str
) -> None:
    body = deepcopy(next(render_environment("prod").select(kind)))
    body["spec"][field] = value
    assert list(find_schema_errors([body], version)) != []


def test_a_schema_refuses_a_kind_that_a_version_does_not_serve() -> None:
    body = deepcopy(next(render_environment("prod").select("PodDisruptionBudget")))
    body["apiVersion"] = "policy/v1beta1"
    assert list(find_schema_errors([body], VERSIONS[-1])) != []


def test_environments_tell_a_service_the_same_settings() -> None:
    assert list(list_drift({name: render_environment(name) for name in ENVIRONMENTS})) == []


def test_a_setting_that_one_environment_lacks_is_found() -> None:
    lacking = copy_environment("test")
    secret = next(
        each for each in lacking.select("Secret") if each["metadata"]["name"].startswith("scraper-")
    )
    del secret["data"]["BOOKSTREAM_FRONTIER_URL"]
    assert list(list_drift({"dev": render_environment("dev"), "test": lacking})) != []


def test_the_cluster_that_is_built_is_of_a_supported_version() -> None:
    assert read_version().removeprefix("v").rpartition(".")[0] in VERSIONS
