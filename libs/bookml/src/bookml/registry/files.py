"""The embedded registry: a folder. Every file is written whole and never changed.

<name>/<version>/{model.onnx, model.json, ...}  the model
<name>/<version>/version.json                   what is known of it; written last
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
    """As the port; the kernel's "only if absent" decides between two writers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def register(self, name: str, files: Files, draft: ModelDraft) -> ModelVersion:
        """As Registry.register."""
        check_model_name(name)
        check_files(files)
        digest = compute_digest(files)
        known = self.list_versions(name)
        for version in known:
            if version.digest == digest:
                return version
        folder = self._reserve_folder(name)
        made = ModelVersion(
            name=name,
            version=int(folder.name),
            digest=digest,
            digests=compute_digests(files),
            created_at=datetime.now(UTC),
            **asdict(draft),
        )
        for file, body in files.items():
            _write_new(folder / file, body)
        _write_new(folder / _ABOUT, orjson.dumps(asdict(made), option=orjson.OPT_SORT_KEYS))
        return made

    def _reserve_folder(self, name: str) -> Path:
        """A folder with the next number that nobody else has; that of a killed writer is never used again."""
        folder = self._folder / name
        while True:
            taken = [int(each.name) for each in folder.glob("*") if each.name.isdecimal()]
            try:
                (folder / str(max(taken, default=0) + 1)).mkdir(parents=True)
            except FileExistsError:
                continue
            return folder / str(max(taken, default=0) + 1)

    def list_names(self) -> Sequence[str]:
        """As Registry.names."""
        if not self._folder.is_dir():
            return []
        return sorted(each.name for each in self._folder.iterdir() if _NAME.fullmatch(each.name))

    def list_versions(self, name: str) -> Sequence[ModelVersion]:
        """As Registry.versions."""
        if not is_model_name(name):
            return []
        found = [_parse_version(_read(path)) for path in (self._folder / name).glob(f"*/{_ABOUT}")]
        return sorted(found, key=lambda version: version.version)

    def read_files(self, version: ModelVersion) -> Files:
        """As Registry.files."""
        check_model_name(version.name)
        folder = self._folder / version.name / str(version.version)
        return verify_files({name: _read(folder / name) for name in version.digests}, version.digests)

    def append_decision(self, decision: ModelDecision, *, expected: int) -> None:
        """As Registry.decide."""
        check_model_name(decision.name)
        path = self._folder / decision.name / "decisions" / f"{expected:09d}.json"
        if len(self.list_decisions(decision.name)) != expected or not _write_new(path, _to_json(decision)):
            raise Conflict(f"somebody else has just decided about {decision.name}; look again")

    def list_decisions(self, name: str) -> Sequence[ModelDecision]:
        """As Registry.decisions."""
        if not is_model_name(name):
            return []
        paths = sorted((self._folder / name / "decisions").glob("*.json"))
        return [parse_decision(orjson.loads(_read(path))) for path in paths]


def parse_decision(told: Mapping[str, Any]) -> ModelDecision:  # Any: JSON of ours
    """From plain JSON values."""
    at = datetime.fromisoformat(told["at"])
    return ModelDecision(**{**told, "act": ModelAction(told["act"]), "at": at})


def _to_json(decision: ModelDecision) -> bytes:
    return orjson.dumps(asdict(decision), option=orjson.OPT_SORT_KEYS)


def _parse_version(body: bytes) -> ModelVersion:
    told = orjson.loads(body)
    return ModelVersion(**{**told, "created_at": datetime.fromisoformat(told["created_at"])})


def is_model_name(name: str) -> bool:
    """Whether a model can have that name."""
    return _NAME.fullmatch(name) is not None


def check_model_name(name: str) -> None:
    """Raises: Invalid when no model can have that name."""
    if not is_model_name(name):
        raise Invalid("is no model's name", field="name")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"the registry lacks {path.name}") from error
    except OSError as error:
        raise Unavailable(f"the registry can't be read ({error.strerror})") from error


def _write_new(path: Path, body: bytes) -> bool:
    """Whole and only if absent: a hard link has both."""
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
