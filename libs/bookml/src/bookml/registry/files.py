"""The embedded registry: a folder. Files are written atomically and never changed.

<name>/<version>/{model.onnx, model.json, ...}  the model
<name>/<version>/version.json                   its description; written last
<name>/decisions/<number>.json                  the promotions table, a file for each line
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import orjson

from bookcore.domain.errors import Conflict, Invalid, NotFound, Unavailable
from bookml.artifact import Files, check_files, compute_digest, compute_digests, verify_files
from bookml.registry import ModelAction, ModelDecision, ModelDraft, ModelVersion

_NAME = re.compile(r"price-[a-z0-9_]{1,40}-[a-z]{3}")
_ABOUT = "version.json"


def open_registry(url: str) -> "FileRegistry":
    """`file:///absolute/folder`."""
    return FileRegistry(Path(url.partition("://")[2]))


class FileRegistry:
    """A folder of models; exclusive creation of files decides between concurrent writers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def register(self, name: str, files: Files, draft: ModelDraft) -> ModelVersion:
        check_model_name(name)
        check_files(files)
        digest = compute_digest(files)
        for known in self.list_versions(name):
            if known.digest == digest:
                return known
        folder = self._reserve_folder(name)
        version = ModelVersion(
            name=name,
            version=int(folder.name),
            digest=digest,
            digests=compute_digests(files),
            created_at=datetime.now(UTC),
            **asdict(draft),
        )
        for file, body in files.items():
            _write_new(folder / file, body)
        _write_new(folder / _ABOUT, orjson.dumps(asdict(version), option=orjson.OPT_SORT_KEYS))
        return version

    def _reserve_folder(self, name: str) -> Path:
        """Create the folder of the next version; that of a killed writer is not reused."""
        folder = self._folder / name
        while True:
            numbers = [int(path.name) for path in folder.glob("*") if path.name.isdecimal()]
            try:
                (folder / str(max(numbers, default=0) + 1)).mkdir(parents=True)
            except FileExistsError:
                continue
            return folder / str(max(numbers, default=0) + 1)

    def list_names(self) -> Sequence[str]:
        if not self._folder.is_dir():
            return []
        return sorted(path.name for path in self._folder.iterdir() if _NAME.fullmatch(path.name))

    def list_versions(self, name: str) -> Sequence[ModelVersion]:
        if not is_model_name(name):
            return []
        versions = [_parse_version(_read(path)) for path in (self._folder / name).glob(f"*/{_ABOUT}")]
        return sorted(versions, key=lambda version: version.version)

    def read_files(self, version: ModelVersion) -> Files:
        check_model_name(version.name)
        folder = self._folder / version.name / str(version.version)
        return verify_files({name: _read(folder / name) for name in version.digests}, version.digests)

    def append_decision(self, decision: ModelDecision, *, expected: int) -> None:
        check_model_name(decision.name)
        path = self._folder / decision.name / "decisions" / f"{expected:09d}.json"
        if len(self.list_decisions(decision.name)) != expected or not _write_new(path, _to_json(decision)):
            raise Conflict(f"model {decision.name} changed meanwhile; reload and retry")

    def list_decisions(self, name: str) -> Sequence[ModelDecision]:
        if not is_model_name(name):
            return []
        paths = sorted((self._folder / name / "decisions").glob("*.json"))
        return [parse_decision(orjson.loads(_read(path))) for path in paths]


def parse_decision(values: Mapping[str, Any]) -> ModelDecision:  # Any: JSON of ours
    """A decision of its JSON values."""
    at = datetime.fromisoformat(values["at"])
    return ModelDecision(**{**values, "act": ModelAction(values["act"]), "at": at})


def _to_json(decision: ModelDecision) -> bytes:
    return orjson.dumps(asdict(decision), option=orjson.OPT_SORT_KEYS)


def _parse_version(body: bytes) -> ModelVersion:
    values = orjson.loads(body)
    return ModelVersion(**{**values, "created_at": datetime.fromisoformat(values["created_at"])})


def is_model_name(name: str) -> bool:
    """Whether it is a valid name of a model."""
    return _NAME.fullmatch(name) is not None


def check_model_name(name: str) -> None:
    """Raises: Invalid for an invalid name."""
    if not is_model_name(name):
        raise Invalid("is no valid name of a model", field="name")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"the registry has no file {path.name}") from error
    except OSError as error:
        raise Unavailable(f"the registry can't be read ({error.strerror})") from error


def _write_new(path: Path, body: bytes) -> bool:
    """Write atomically and only if absent, by a hard link."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent) as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
        try:
            path.hardlink_to(file.name)
        except FileExistsError:
            return False
    return True
