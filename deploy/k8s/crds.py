"""Writes crds/: the schemas of the operators' kinds that deploy/k8s uses, strict and without prose.

`python -m deploy.k8s.crds` takes them from the operators' Go modules, from Strimzi's own generator (Maven,
Java 21 or newer) and from npm (CloudNativePG, which the Go proxy doesn't have), at the versions
that deploy/k8s is written for.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from deploy.k8s.declarations import build_schema
from deploy.k8s.merging import Object
from deploy.k8s.schemas import CRDS

from devstack.elasticsearch import find_java

MODULES: Mapping[str, Sequence[str]] = {
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": (
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules",
    ),
    "github.com/kedacore/keda/v2@v2.21.0": (
        "config/crd/bases/keda.sh_scaledobjects",
        "config/crd/bases/keda.sh_triggerauthentications",
    ),
    "github.com/elastic/cloud-on-k8s/v3@v3.5.0": (
        "config/crds/v1/resources/elasticsearch.k8s.elastic.co_elasticsearches",
    ),
    "github.com/external-secrets/external-secrets@v1.3.2": (
        "config/crds/bases/external-secrets.io_externalsecrets",
    ),
    "sigs.k8s.io/gateway-api@v1.4.0": ("config/crd/standard/gateway.networking.k8s.io_httproutes",),
    "github.com/argoproj/argo-rollouts@v1.8.3": (
        "manifests/crds/rollout-crd",
        "manifests/crds/analysis-template-crd",
    ),
    "github.com/argoproj/argo-cd/v3@v3.2.0": (
        "manifests/crds/application-crd",
        "manifests/crds/appproject-crd",
    ),
}
"""Module@version -> files, without .yaml."""
STRIMZI = "1.2.0"
_KAFKA = {"Kafka": "kafka", "KafkaNodePool": "nodepool", "KafkaTopic": "topic", "KafkaUser": "user"}
"""Kind -> package of its class."""
CLOUDNATIVEPG = "@kubernetes-models/cloudnative-pg@2.0.0"
_POSTGRES = ("Cluster", "Database", "Pooler", "ScheduledBackup")


def main() -> None:
    """Writes one file for each kind."""
    CRDS.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        _write_definitions(collect_definitions(Path(folder)))
        _write_postgres(Path(folder))
    for path in sorted(CRDS.glob("*.json")):
        sys.stdout.write(f"{path.name}  {path.stat().st_size // 1024} KB\n")


def collect_definitions(folder: Path) -> list[Path]:
    """The definitions of all kinds but CloudNativePG's, as files; `folder` is for those that are made."""
    found = [
        source / f"{name}.yaml"
        for source, names in ((_download_module(module), names) for module, names in MODULES.items())
        for name in names
    ]
    return [*found, *_generate_kafka(folder)]


def _run(folder: Path | None, *words: str) -> str:
    return subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, check=True, text=True).stdout  # noqa: S603


def _download_module(module: str) -> Path:
    return Path(json.loads(_run(None, "go", "mod", "download", "-json", module))["Dir"])


def _write_definitions(paths: Sequence[Path]) -> None:
    for path in paths:
        spec = yaml.safe_load(path.read_text())["spec"]
        for version in (each for each in spec["versions"] if each["storage"]):
            schema = narrow(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            _write(f"{spec['group']}_{version['name']}_{spec['names']['kind']}", schema)


def _write(name: str, schema: Object) -> None:
    text = json.dumps(schema, separators=(",", ":"), sort_keys=True)
    (CRDS / f"{name}.json").write_text(f"{text}\n")


def _generate_kafka(folder: Path) -> list[Path]:
    """Strimzi's definitions are made of its classes; no package has them as files."""
    artifacts = "".join(
        f"<dependency><groupId>io.strimzi</groupId><artifactId>{name}</artifactId><version>{STRIMZI}</version></dependency>"
        for name in ("api", "crd-generator")
    )
    (folder / "pom.xml").write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>x</groupId><artifactId>x</artifactId><version>1</version>"
        f"<dependencies>{artifacts}</dependencies></project>"
    )
    _run(folder, "mvn", "--quiet", "dependency:copy-dependencies", "-DoutputDirectory=lib")
    files = {kind: folder / f"{kind}.yaml" for kind in _KAFKA}
    classes = [f"io.strimzi.api.kafka.model.{_KAFKA[kind]}.{kind}={path}" for kind, path in files.items()]
    generator = ["-cp", "lib/*", "io.strimzi.crdgenerator.CrdGenerator", "--yaml", *classes]
    _run(folder, str(find_java() / "bin/java"), *generator)
    return list(files.values())


def _write_postgres(folder: Path) -> None:
    packed = _run(folder, "npm", "pack", "--silent", CLOUDNATIVEPG).split()[-1]
    _run(folder, "tar", "-xzf", packed)
    declared = folder / "package/postgresql.cnpg.io/v1"
    for kind in _POSTGRES:
        schema = build_schema(declared / f"{kind}.d.ts")
        _write(f"postgresql.cnpg.io_v1_{kind}", schema)
    store = (
        folder / "package/github.com/cloudnative-pg/barman-cloud/pkg/api/BarmanObjectStoreConfiguration.d.ts"
    )
    _write("barmancloud.cnpg.io_v1_ObjectStore", _describe_object_store(build_schema(store)))


def _describe_object_store(configuration: Object) -> Object:
    """The plugin's kind is in no package; its documentation says that its configuration is the operator's."""
    spec = {"configuration": configuration, "retentionPolicy": {"type": "string"}}
    closed = {"type": "object", "additionalProperties": False}
    kept = {"apiVersion": {}, "kind": {}, "metadata": {}, "spec": {**closed, "properties": spec}}
    return {**closed, "properties": kept, "required": ["spec"]}


def narrow(node: Any) -> Any:  # Any: JSON
    """The schema without prose, which refuses fields that it doesn't list, as a strict API server does."""
    if isinstance(node, list):
        return [narrow(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {
        name: _narrow_properties(value) if name == "properties" else narrow(value)
        for name, value in node.items()
        if not (name.startswith("x-kubernetes-") or name in ("description", "example", "format", "default"))
    }
    is_open = "additionalProperties" in node or node.get("x-kubernetes-preserve-unknown-fields")
    if "properties" in node and "type" in node and not is_open:
        kept["additionalProperties"] = False
    if node.get("x-kubernetes-int-or-string"):
        kept.pop("type", None)
    return kept


def _narrow_properties(properties: Object) -> Object:
    return {name: narrow(value) for name, value in properties.items()}


if __name__ == "__main__":
    main()
