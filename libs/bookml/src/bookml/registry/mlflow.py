"""The registry on an MLflow server.

The files of a version are the artifacts of its run, its description is a tag. MLflow has no history of
aliases, so each decision is a version of a second registered model, `<name>-decisions`: MLflow numbers
versions one by one, which decides between concurrent writers. Aliases are set as well, for users of MLflow's
UI.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import requests
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion as MlflowVersion
from mlflow.exceptions import MlflowException

from bookcore.domain.errors import BookstreamError, Conflict, NotFound, Unavailable
from bookml.artifact import Files, check_files, compute_digest, compute_digests, verify_files
from bookml.registry import ModelDecision, ModelDraft, ModelVersion, get_challenger, get_champion
from bookml.registry.files import check_model_name, is_model_name, parse_decision

_EXPERIMENT = "bookstream"
_FOLDER = "model"
_ABOUT, _VOID = "bookstream", "bookstream.void"
_LOG = "-decisions"
_PAGE = 1_000


def open_registry(url: str) -> "MlflowRegistry":
    """`mlflow+http://host:port` or `mlflow+https://...`; user and password as the client has them."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    return MlflowRegistry(url.removeprefix("mlflow+"))


class MlflowRegistry:
    """Models as registered models of MLflow, decisions as versions of `<name>-decisions`."""

    def __init__(self, url: str) -> None:
        self._client = MlflowClient(tracking_uri=url, registry_uri=url)

    def register(self, name: str, files: Files, draft: ModelDraft) -> ModelVersion:
        check_model_name(name)
        check_files(files)
        digest = compute_digest(files)
        for version in self.list_versions(name):
            if version.digest == digest:
                return version
        with _translate_errors(), TemporaryDirectory() as folder:
            for file, body in files.items():
                (Path(folder) / file).write_bytes(body)
            run = self._client.create_run(self._ensure_experiment(), run_name=name)
            for metric, value in draft.metrics.items():
                self._client.log_metric(run.info.run_id, metric, value)
            self._client.log_artifacts(run.info.run_id, folder, _FOLDER)
            self._client.set_terminated(run.info.run_id)
            self._ensure_model(name)
            about = {
                "digest": digest,
                "digests": compute_digests(files),
                "created_at": datetime.now(UTC).isoformat(),
                **asdict(draft),
            }
            created_version = self._client.create_model_version(
                name,
                f"{run.info.artifact_uri}/{_FOLDER}",
                run.info.run_id,
                tags={_ABOUT: orjson.dumps(about).decode()},
                await_creation_for=0,
            )
        return _parse_version(created_version)

    def list_names(self) -> Sequence[str]:
        with _translate_errors():
            results = self._client.search_registered_models(max_results=_PAGE)
        return sorted(model.name for model in results if is_model_name(model.name))

    def list_versions(self, name: str) -> Sequence[ModelVersion]:
        if not is_model_name(name):
            return []
        return [_parse_version(item) for item in self._list_all(name) if _ABOUT in item.tags]

    def read_files(self, version: ModelVersion) -> Files:
        with _translate_errors(), TemporaryDirectory() as folder:
            registered = self._client.get_model_version(version.name, str(version.version))
            path = Path(self._client.download_artifacts(str(registered.run_id), _FOLDER, folder))
            results = {item.name: item.read_bytes() for item in path.iterdir() if item.is_file()}
        return verify_files(results, version.digests)

    def append_decision(self, decision: ModelDecision, *, expected: int) -> None:
        check_model_name(decision.name)
        log = decision.name + _LOG
        every = self._list_all(log)
        if sum(_VOID not in item.tags for item in every) != expected:
            raise _build_conflict(decision.name)
        description = orjson.dumps(asdict(decision)).decode()
        with _translate_errors():
            self._ensure_model(log)
            created_version = self._client.create_model_version(
                log,
                f"models:/{decision.name}/{decision.version}",
                tags={_ABOUT: description},
                await_creation_for=0,
            )
            if int(created_version.version) != max((int(item.version) for item in every), default=0) + 1:
                self._client.set_model_version_tag(log, created_version.version, _VOID, "another was first")
                raise _build_conflict(decision.name)
        with suppress(BookstreamError):
            self._set_aliases(decision.name)

    def list_decisions(self, name: str) -> Sequence[ModelDecision]:
        if not is_model_name(name):
            return []
        return [
            parse_decision(orjson.loads(item.tags[_ABOUT]))
            for item in self._list_all(name + _LOG)
            if _VOID not in item.tags and _ABOUT in item.tags
        ]

    def _set_aliases(self, name: str) -> None:
        """Set the aliases to the roles; when that fails, the decisions still count."""
        decisions = self.list_decisions(name)
        wanted = {"champion": get_champion(decisions), "challenger": get_challenger(decisions)}
        with _translate_errors():
            for alias, version in wanted.items():
                if version is None:
                    self._client.delete_registered_model_alias(name, alias)
                else:
                    self._client.set_registered_model_alias(name, alias, str(version))

    def _list_all(self, name: str) -> list[MlflowVersion]:
        """All versions of a registered model, oldest first."""
        results: list[MlflowVersion] = []
        token = None
        with _translate_errors():
            while True:
                page = self._client.search_model_versions(f"name='{name}'", _PAGE, page_token=token)
                results += page
                token = page.token
                if not token:
                    return sorted(results, key=lambda item: int(item.version))

    def _ensure_experiment(self) -> str:
        known = self._client.get_experiment_by_name(_EXPERIMENT)
        if known is not None:
            return str(known.experiment_id)
        try:
            return str(self._client.create_experiment(_EXPERIMENT))
        except MlflowException:  # created by another process meanwhile
            known = self._client.get_experiment_by_name(_EXPERIMENT)
            if known is None:
                raise
            return str(known.experiment_id)

    def _ensure_model(self, name: str) -> None:
        try:
            self._client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Translate MLflow's errors. Raises: NotFound, Unavailable."""
    try:
        yield
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            raise NotFound("MLflow has no such model or file") from error
        raise Unavailable(f"MLflow responded with {error.error_code}", retry_after=5.0) from error
    except (requests.RequestException, OSError) as error:
        raise Unavailable(
            "MLflow can't be reached; check BOOKSTREAM_REGISTRY_URL", retry_after=5.0
        ) from error


def _parse_version(registered: MlflowVersion) -> ModelVersion:
    description: Mapping[str, Any] = orjson.loads(registered.tags[_ABOUT])  # Any: JSON of ours
    created = datetime.fromisoformat(description["created_at"])
    return ModelVersion(
        **{**description, "name": registered.name, "version": int(registered.version), "created_at": created}
    )


def _build_conflict(name: str) -> Conflict:
    return Conflict(f"model {name} changed meanwhile; reload and retry")
