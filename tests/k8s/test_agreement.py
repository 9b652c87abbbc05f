"""docker-compose.yml, the overlays and docs/settings.md name the same services, ports and settings."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.k8s.environments import ENVIRONMENTS, FOLDER, Environment, render_environment
from deploy.k8s.policies.settings import SERVICES_OF_JOBS, collect_settings, read_settings_page
from docs.generate import SETTINGS

from bookcore.kit.settings import read_settings

ROOT = Path(__file__).parents[2]
WHOLE: Mapping[str, Mapping[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
COMPOSED = {name: each for name, each in WHOLE.items() if each.get("profiles") != ["observability"]}
"""Without Prometheus and Grafana: those of a cluster belong to its operator."""
ELSEWHERE = {
    "topics": "migrate",
    "trainer": "train",
    "scraper-2": "scraper",
}
"""Services of Compose that Kubernetes has by another name."""
TOOLS = {"bookstream"}
"""One-off commands: Jobs, as deploy/k8s/README.md says."""
DEFAULTS = {
    "BOOKSTREAM_REGISTRY_URL",
    "BOOKSTREAM_TOSCRAPE_URL",
    "BOOKSTREAM_SCRAPER_CONTACT",
    "BOOKSTREAM_SCRAPER_HOST_RATE",
}
"""Defaults that Compose repeats so that .env can replace them."""


@pytest.fixture
def dev() -> Environment:
    return render_environment("dev")


@pytest.fixture
def prod() -> Environment:
    return render_environment("prod")


def test_every_service_of_compose_has_a_workload(dev: Environment, prod: Environment) -> None:
    wanted = {ELSEWHERE.get(name, name) for name in COMPOSED.keys() - TOOLS}
    found = {each.name for environment in (dev, prod) for each in environment.workloads}
    assert found - wanted == {"backup", "drill"}
    assert wanted - found == set()


def test_every_distribution_that_runs_has_a_folder_of_its_own_or_a_job() -> None:
    folders = {path.name for path in (FOLDER / "base").iterdir() if path.is_dir()}
    jobs = {path.stem for path in (FOLDER / "base/jobs").glob("*.yaml")}
    services = {path.name for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").exists()}
    assert {"gateway", *services} - folders == {"trainer"}
    assert "train" in jobs


def test_services_listen_on_the_ports_of_compose(dev: Environment) -> None:
    for name, section in COMPOSED.items():
        addresses = [
            str(value) for key, value in section.get("environment", {}).items() if key.endswith("_URLS")
        ]
        for address in addresses:
            host, port = address.removeprefix("http://").split(":")
            for service in (host, f"{host}-pods"):
                found = dev.find("Service", service)
                assert found, f"{name}: {service}"
                assert [each["port"] for each in found["spec"]["ports"]] == [int(port)]
    published = COMPOSED["gateway"]["ports"][0].rpartition(":")[2]
    gateway = dev.find("Service", "gateway")
    assert gateway
    assert gateway["spec"]["ports"][0]["port"] == int(published)


def test_servers_are_the_images_of_compose(dev: Environment) -> None:
    images = {each.name: each.containers[0]["image"] for each in dev.workloads}
    servers = {name: section["image"] for name, section in COMPOSED.items() if "build" not in section}
    assert {name: images[name] for name in servers} == servers


def test_images_are_named_after_the_distributions_of_compose(dev: Environment) -> None:
    built = {
        section["build"]["args"]["DISTRIBUTION"].rpartition("/")[2].replace("_", "-")
        for section in COMPOSED.values()
        if "DISTRIBUTION" in section.get("build", {}).get("args", {})
    }
    images = {c["image"] for each in dev.workloads for c in each.containers}
    named = {image.partition("/")[2].partition(":")[0] for image in images if image.startswith("bookstream/")}
    assert named == built


def test_a_service_is_told_what_compose_tells_it(dev: Environment) -> None:
    for each in dev.workloads:
        name = {"train": "trainer"}.get(each.name, each.name)
        if each.component != "service" or name not in COMPOSED:
            continue
        told = {key for key in COMPOSED[name]["environment"] if key.startswith("BOOKSTREAM_")}
        found = collect_settings(dev, each)
        known = {key for key in told if key in read_settings_page().get(name, ())}
        lacking = known - found.keys() - DEFAULTS
        assert lacking == set(), name


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_settings_of_a_service_accept_what_an_environment_tells_it(name: str) -> None:
    environment = render_environment(name)
    for each in environment.workloads:
        kind = SETTINGS.get(SERVICES_OF_JOBS.get(each.name, each.name))
        if kind is None:
            continue
        told = {key: setting.value for key, setting in collect_settings(environment, each).items()}
        given = {
            key.removeprefix("BOOKSTREAM_").lower(): re.sub(r"\{\{.*?\}\}", "0" * 40, value)
            for key, value in told.items()
            if key.startswith("BOOKSTREAM_") and value
        }
        read = read_settings(kind, **given)
        assert read.model_fields_set >= given.keys() & type(read).model_fields.keys(), each.name
