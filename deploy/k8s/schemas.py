"""Checks objects against the schemas of Kubernetes and of the operators' kinds; an unknown field is an error.

Kubernetes' own come with kubernetes-validate; those of operators are in crds/ (deploy/k8s/crds.py).
"""

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deploy.k8s.merging import Object
from jsonschema_rs import Validator, validator_for

VERSIONS = ("1.35", "1.36", "1.37")
"""Minor versions of Kubernetes that are supported."""
CRDS = Path(__file__).parent / "crds"
_LONGEST = 200  # characters of a message


def find_schema_errors(objects: Iterable[Object], version: str) -> Iterator[str]:
    """One line per error; a kind that this version doesn't serve is one, too."""
    for body in objects:
        where = f"{body['kind']} {body['metadata']['name']}"
        try:
            validator = load_validator(body["apiVersion"], body["kind"], version)
        except FileNotFoundError:
            yield f"{where}: {version} serves no {body['apiVersion']} {body['kind']}"
            continue
        for error in validator.iter_errors(body):
            path = ".".join(map(str, error.instance_path))
            yield f"{where}: {path}: {error.message[:_LONGEST]}"


@cache
def load_validator(api_version: str, kind: str, version: str) -> Validator:
    """Raises: FileNotFoundError for a kind without a schema."""
    custom = CRDS / f"{api_version.replace('/', '_')}_{kind}.json"
    if custom.exists():
        return validator_for(json.loads(custom.read_text()))
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)  # networking.k8s.io/v1 -> networking-v1
    folder = _find_folder(version)
    schema = json.loads((folder / f"{kind.lower()}-{group}.json").read_text())

    def read(uri: str) -> Any:  # Any: JSON
        return _read_file(folder / Path(urlsplit(uri).path).name)

    return validator_for(
        schema, retriever=read, base_uri="schemas://kubernetes/", ignore_unknown_formats=True
    )


@cache
def _find_folder(version: str) -> Path:
    name = f"kubernetes-json-schema/v{version}.0-local-strict"
    return Path(str(files("kubernetes_validate").joinpath(name)))


@cache
def _read_file(path: Path) -> Any:  # Any: JSON
    return json.loads(path.read_text())
