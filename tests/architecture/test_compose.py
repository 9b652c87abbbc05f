"""docker-compose.yml agrees with the settings classes, the Dockerfiles and what two Composes can read."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from docs.generate import ROOT, SETTINGS
from pydantic_settings import BaseSettings
from tests.architecture.test_docs import SERVICES

from bookcore.kit.settings import DEVELOPMENT_SECRET
from books_api.settings import Settings as BooksSettings
from bookstream.settings import Settings as CliSettings
from devstack.mlflow import MLFLOW
from gateway.settings import Settings as GatewaySettings
from ml_api.settings import Settings as MlSettings
from scraper.settings import Settings as ScraperSettings
from search_api.settings import Settings as SearchSettings

Section = Mapping[str, Any]  # Any: YAML
TEXT = (ROOT / "docker-compose.yml").read_text()
WHOLE: Section = yaml.safe_load(TEXT)
COMPOSED: Mapping[str, Section] = WHOLE["services"]
PACKED = {"mlflow"}  # somebody else's server in an image of ours
OURS = {name: section for name, section in COMPOSED.items() if "build" in section and name not in PACKED}
SERVERS = {name: section for name, section in COMPOSED.items() if "build" not in section}
KINDS: Mapping[str, type[BaseSettings]] = {
    **{service: SETTINGS[service] for service in SERVICES},
    "scraper-2": ScraperSettings,
    "migrate": SETTINGS["ingestor"],
    "topics": CliSettings,
    "crawl-shop": ScraperSettings,
    "bookstream": ScraperSettings,
    "sample-shop": CliSettings,
}
FOREIGN = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
ONE_SHOT = {"trainer", "migrate", "topics", "crawl-shop", "bookstream"}
KNOWN = {"version", "services", "networks", "volumes"}


def environment(section: Section) -> Mapping[str, str]:
    """As it is written: with its ${VARIABLES}."""
    found: Mapping[str, str] = section.get("environment", {})
    return found


def test_every_service_of_the_readme_is_built_from_the_one_dockerfile_by_its_own_distribution() -> None:
    assert set(SERVICES) <= OURS.keys()
    declared = set(re.findall(r"^ARG (\w+)", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE))
    for name, section in OURS.items():
        build = section["build"]
        assert build["dockerfile"] == "deploy/Dockerfile", name
        assert build["args"].keys() <= declared, name
        package = ROOT / build["args"]["DISTRIBUTION"] / "src" / build["args"]["MODULE"]
        assert (package / "__main__.py").exists(), name


def test_an_image_has_the_libraries_that_its_distribution_depends_on() -> None:
    libraries = {path.name for path in (ROOT / "libs").iterdir()}
    for name, section in OURS.items():
        args = section["build"]["args"]
        project = tomllib.loads((ROOT / args["DISTRIBUTION"] / "pyproject.toml").read_text())["project"]
        needed = {re.split(r"[\[>=<]", text)[0] for text in project["dependencies"]} & libraries
        assert set(args.get("LIBS", "bookcore").split()) == needed, name
        assert ("EXTRAS" in args) == ("servers" not in project.get("optional-dependencies", {})), name


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_environment_variable_is_a_setting_of_its_service(name: str) -> None:
    fields = {f"BOOKSTREAM_{field.upper()}" for field in KINDS[name].model_fields}
    assert set(environment(OURS[name])) - fields - FOREIGN == set()


def test_ports_are_those_of_the_settings() -> None:
    assert COMPOSED["gateway"]["ports"][0].endswith(f":{GatewaySettings().gateway_port}")
    told = environment(COMPOSED["gateway"])
    assert told["BOOKSTREAM_BOOKS_API_URLS"] == f"http://books-api:{BooksSettings().books_api_port}"
    assert told["BOOKSTREAM_ML_API_URLS"] == f"http://ml-api:{MlSettings().ml_api_port}"
    assert told["BOOKSTREAM_SEARCH_API_URLS"] == f"http://search-api:{SearchSettings().search_api_port}"


def test_only_gateway_and_grafana_can_be_reached_and_only_from_this_machine() -> None:
    published = {name: section["ports"] for name, section in COMPOSED.items() if "ports" in section}
    assert published.keys() == {"gateway", "grafana"}
    assert COMPOSED["grafana"]["profiles"] == ["observability"]
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_metrics_are_on_a_port_that_is_not_published() -> None:
    for service in SERVICES:
        port = environment(COMPOSED[service])["BOOKSTREAM_ADMIN_PORT"]
        assert int(port)
        assert not [published for published in COMPOSED[service].get("ports", ()) if port in published]


def test_prometheus_scrapes_the_admin_port_of_every_service() -> None:
    folder = ROOT / "deploy/observability"
    jobs = yaml.safe_load((folder / "prometheus.yml").read_text())["scrape_configs"]
    targets = {job["job_name"]: job["static_configs"] for job in jobs}
    running = [name for name in SERVICES if name not in ONE_SHOT]
    admin = {name: environment(COMPOSED[name])["BOOKSTREAM_ADMIN_PORT"] for name in running}
    assert targets == {name: [{"targets": [f"{name}:{port}"]}] for name, port in admin.items()}


def test_observability_mounts_rules_receivers_and_dashboards() -> None:
    folder = "./deploy/observability"
    mounted = {
        volume.split(":")[0]
        for section in COMPOSED.values()
        if section.get("profiles") == ["observability"]
        for volume in section["volumes"]
        if volume.startswith("./")
    }
    names = ("prometheus.yml", "rules.yml", "alertmanager.yml", "provisioning", "dashboards")
    assert mounted == {f"{folder}/{name}" for name in names}
    assert [name for name in mounted if not (ROOT / name).exists()] == []
    provider = yaml.safe_load((ROOT / folder / "provisioning/dashboards/bookstream.yml").read_text())
    (path,) = {each["options"]["path"] for each in provider["providers"]}
    assert f"{folder}/dashboards:{path}:ro" in COMPOSED["grafana"]["volumes"]


@pytest.mark.parametrize("name", sorted(SERVERS))
def test_a_server_has_a_pinned_image_a_volume_and_a_health_check(name: str) -> None:
    section = SERVERS[name]
    assert re.search(r":v?\d", section["image"])
    assert section["volumes"]
    assert section["healthcheck"]["test"]


@pytest.mark.parametrize("name", sorted({*OURS, *PACKED}))
def test_a_service_runs_unprivileged_and_has_a_health_check(name: str) -> None:
    dockerfile = (ROOT / COMPOSED[name]["build"]["dockerfile"]).read_text()
    final = dockerfile.rpartition("\nFROM ")[2]
    user = re.findall(r"^USER (\S+)$", final, re.MULTILINE)
    assert user
    assert user[-1].partition(":")[0] not in ("0", "root")
    assert name in ONE_SHOT or "HEALTHCHECK" in final


def test_images_are_built_of_listed_folders_without_history_or_tests() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert rules[0] == "*"
    assert not [rule for rule in rules if rule.startswith(("!.", "!tests", "!docs", "!**"))]


def test_every_volume_and_network_is_used_and_declared() -> None:
    used = {v.partition(":")[0] for s in COMPOSED.values() for v in s.get("volumes", ())}
    assert {name for name in used if not name.startswith("./")} == WHOLE["volumes"].keys()
    assert {n for s in COMPOSED.values() for n in s.get("networks", ())} == WHOLE["networks"].keys()


def test_both_composes_can_read_it() -> None:
    assert {key for key in WHOLE if not key.startswith("x-")} <= KNOWN
    for name, section in COMPOSED.items():
        for wanted in section.get("depends_on", {}).values():
            assert wanted.keys() == {"condition"}, name


def test_secrets_are_known_words_that_only_development_accepts() -> None:
    defaults = re.findall(r"\$\{\w*(?:SECRET|PASSWORD)\w*:-([^}]*)\}", TEXT)
    assert set(defaults) == {"development-only", DEVELOPMENT_SECRET}
    production = (ROOT / "deploy/compose/production.yml").read_text()
    asked = set(re.findall(r"\$\{(\w+):\?", production))
    assert asked >= {"BOOKSTREAM_INTERNAL_SECRET", "POSTGRES_PASSWORD", "S3_SECRET_KEY", "VALKEY_PASSWORD"}


def test_mlflow_is_the_one_of_the_stack_behind_a_database_of_its_own() -> None:
    section = COMPOSED["mlflow"]
    pinned = (ROOT / "deploy/mlflow/requirements.txt").read_text()
    assert section["image"] == f"bookstream-mlflow:{MLFLOW.version}"
    assert f"\nmlflow=={MLFLOW.version} " in f"\n{pinned}"
    told, ours = environment(section), WHOLE["x-environment"]
    database = told["MLFLOW_DATABASE_URL"]
    assert database.startswith("postgresql+psycopg2://")
    assert database.rpartition("/")[2] != ours["BOOKSTREAM_CATALOGUE_URL"].rpartition("/")[2]
    assert told["MLFLOW_SERVER_ALLOWED_HOSTS"].startswith("mlflow:5000,")
    production = yaml.safe_load((ROOT / "deploy/compose/production.yml").read_text())["services"]
    for name in ("ml-api", "trainer"):
        told = production[name]["environment"]
        assert told["BOOKSTREAM_REGISTRY_URL"] == "${BOOKSTREAM_REGISTRY_URL:-mlflow+http://mlflow:5000}"


def test_uv_is_the_one_of_the_makefile() -> None:
    wanted = re.search(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert wanted
    for section in (COMPOSED[name] for name in (*OURS, *PACKED)):
        assert f"uv=={wanted[1]}" in (ROOT / section["build"]["dockerfile"]).read_text()
