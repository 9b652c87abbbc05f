"""Policies on what a pod is told: settings, secrets, hosts and the objects that it names."""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from deploy.k8s.environments import Environment, Workload
from deploy.k8s.generated import REFERENCES
from deploy.k8s.merging import Object

_PAGE = Path("docs/settings.md")
SERVICES_OF_JOBS = {
    "migrate": "ingestor",
    "backup": "ingestor",
    "drill": "ingestor",
    "train": "trainer",
    "crawl-shop": "scraper",
}
"""Jobs and the service whose settings they read."""
_OTHERS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
"""Names of the cloud's own clients."""
_SECRETS = "/run/secrets/bookstream"
"""BOOKSTREAM_SECRETS_DIR."""
_HOST = re.compile(r"//(?:[^@/]*@)?([\w.-]+):(\d+)")
_PASSWORD = re.compile(r"//[^/@\s]*:[^/@]+@")


@dataclass(frozen=True, slots=True)
class Setting:
    """`is_secret`: it comes from a Secret."""

    name: str
    value: str
    is_secret: bool = False

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each address of a URL."""
        return [(host, int(port)) for host, port in _HOST.findall(self.value)]


@cache
def read_settings_page() -> Mapping[str, frozenset[str]]:
    """Service -> the names of its settings, those of every service among them."""
    parts = re.split(r"^## (.+)$", _PAGE.read_text(), flags=re.MULTILINE)[1:]
    sections = {
        title.lower(): re.findall(r"^\| `(\w+)`", text, re.MULTILINE)
        for title, text in zip(parts[::2], parts[1::2], strict=True)
    }
    shared = sections.pop("every service")
    return {title: frozenset((*shared, *names)) for title, names in sections.items()}


def list_known_settings(workload: Workload) -> frozenset[str]:
    """Names that the workload's program reads; none for a program of others."""
    return read_settings_page().get(SERVICES_OF_JOBS.get(workload.name, workload.name), frozenset())


def collect_settings(environment: Environment, workload: Workload) -> Mapping[str, Setting]:
    """What a pod reads: the files of its secrets, then its environment, which wins."""
    found: dict[str, Setting] = {}
    container = workload.containers[0]
    mounted = {each["name"] for each in container.get("volumeMounts", ()) if each["mountPath"] == _SECRETS}
    for volume in workload.spec.get("volumes", ()):
        if volume["name"] in mounted and "secret" in volume:
            found |= _read_secret(environment, volume["secret"]["secretName"])
    for source in container.get("envFrom", ()):
        if "secretRef" in source:
            found |= _read_secret(environment, source["secretRef"]["name"])
        else:
            body = environment.find("ConfigMap", source["configMapRef"]["name"]) or {"data": {}}
            found |= {name: Setting(name, value) for name, value in body["data"].items()}
    for variable in container.get("env", ()):
        found[variable["name"]] = _read_variable(environment, variable)
    return found


def _read_variable(environment: Environment, variable: Object) -> Setting:
    name, source = variable["name"], variable.get("valueFrom", {})
    if "secretKeyRef" not in source:
        return Setting(name, str(variable.get("value", "")))
    read = _read_secret(environment, source["secretKeyRef"]["name"])
    return read.get(source["secretKeyRef"]["key"], Setting(name, "", is_secret=True))


def _read_secret(environment: Environment, name: str) -> Mapping[str, Setting]:
    """Its entries, or the templates that an ExternalSecret makes them from."""
    secret, external = environment.find("Secret", name), environment.find("ExternalSecret", name)
    if secret is not None:
        decoded = {key: b64decode(value).decode() for key, value in secret.get("data", {}).items()}
        entries: Mapping[str, Any] = decoded | secret.get("stringData", {})
    else:
        entries = ((external or {}).get("spec", {}).get("target", {}).get("template", {})).get("data", {})
    return {key: Setting(key, str(value), is_secret=True) for key, value in entries.items()}


def find_unknown_settings(environment: Environment) -> Iterator[str]:
    """Every variable of a service is a setting of docs/settings.md."""
    every = frozenset().union(*read_settings_page().values())
    for workload in environment.workloads:
        known = list_known_settings(workload)
        for name in collect_settings(environment, workload) if known else ():
            # the ConfigMap is shared: another service's setting is passed over
            if name not in every | _OTHERS:
                yield f"{workload.name}: {name} is no setting of docs/settings.md"


def find_open_secrets(environment: Environment) -> Iterator[str]:
    """What is secret comes from a Secret, and of services from a file of it."""
    for workload in environment.workloads:
        for setting in collect_settings(environment, workload).values():
            is_private = re.search(r"(SECRET|PASSWORD|SECRET_ACCESS_KEY)$", setting.name)
            if (is_private or _PASSWORD.search(setting.value)) and not setting.is_secret:
                yield f"{workload.name}: {setting.name} can be read in the manifest"
        for variable in workload.containers[0].get("env", ()):
            if variable["name"].startswith("BOOKSTREAM_") and "secretKeyRef" in variable.get("valueFrom", {}):
                yield f"{workload.name}: {variable['name']} is a secret in the environment, not in a file"


def list_services(environment: Environment) -> Mapping[str, frozenset[int]]:
    """Name -> ports of every Service, with those that operators make."""
    found = {
        each["metadata"]["name"]: frozenset(port["port"] for port in each["spec"]["ports"])
        for each in environment.select("Service")
    }
    for each in environment.select("Kafka"):
        ports = frozenset(listener["port"] for listener in each["spec"]["kafka"]["listeners"])
        found[f"{each['metadata']['name']}-kafka-bootstrap"] = ports
    for each in environment.select("Cluster"):
        found[f"{each['metadata']['name']}-rw"] = frozenset({5432})
    for each in environment.select("Pooler"):
        found[each["metadata"]["name"]] = frozenset({5432})
    for each in environment.select("Elasticsearch"):
        found[f"{each['metadata']['name']}-es-http"] = frozenset({9200})
    return found


def find_foreign_hosts(environment: Environment) -> Iterator[str]:
    """Every host of a URL is a Service of the environment, at one of its ports."""
    services = list_services(environment)
    for workload in environment.workloads:
        known = list_known_settings(workload)
        for setting in collect_settings(environment, workload).values():
            for host, port in setting.addresses if setting.name in known else ():
                if port not in services.get(host, ()):
                    yield f"{workload.name}: {setting.name} names {host}:{port}, which is no Service"


def find_missing_objects(environment: Environment) -> Iterator[str]:
    """Every Secret, ConfigMap, account and claim that a pod names is there, or an operator makes it."""
    there = {(each["kind"], each["metadata"]["name"]) for each in environment.objects}
    there |= {("Secret", name) for name in (*environment.given, *_list_operator_secrets(environment))}
    for workload in environment.workloads:
        named = {
            ("ServiceAccount", workload.spec["serviceAccountName"]),
            *_list_references(workload.spec),
        }
        for kind, name in sorted(named - there):
            yield f"{workload.name}: names the {kind} {name}, which there isn't"


def _list_references(node: object) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for field, value in node.items():
            if field in REFERENCES and isinstance(value, dict):
                kind, key = REFERENCES[field]
                yield kind, value.get("secretName") or value[key]
            elif field == "persistentVolumeClaim":
                yield "PersistentVolumeClaim", value["claimName"]
            yield from _list_references(value)
    elif isinstance(node, list):
        for each in node:
            yield from _list_references(each)


def _list_operator_secrets(environment: Environment) -> Iterator[str]:
    suffixes = {
        "ExternalSecret": "",
        "Kafka": "-cluster-ca-cert",
        "Cluster": "-ca",
        "Elasticsearch": "-es-http-certs-public",
    }
    for kind, suffix in suffixes.items():
        yield from (f"{each['metadata']['name']}{suffix}" for each in environment.select(kind))


def list_drift(environments: Mapping[str, Environment]) -> Iterator[str]:
    """Settings that a service has in one environment and not in another, but for production's own."""
    own = {
        "BOOKSTREAM_REGISTRY_URL",
        "BOOKSTREAM_GATEWAY_TRUSTED_PROXIES",
        "BOOKSTREAM_GATEWAY_PUBLIC_URL",
    }
    names: dict[tuple[str, str], set[str]] = {}
    for environment in environments.values():
        for workload in environment.workloads:
            read = collect_settings(environment, workload).keys()
            known = read & list_known_settings(workload) - (own if environment.is_production else set())
            names.setdefault((workload.name, environment.name), set()).update(known)
    for (service, place), found in names.items():
        for other, wanted in names.items():
            if other[0] == service and found != wanted:
                yield f"{service}: {place} and {other[1]} differ in {sorted(found ^ wanted)}"
