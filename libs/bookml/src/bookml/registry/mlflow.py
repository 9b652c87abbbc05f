"""The registry on an MLflow server, asked by its own client.

A version's files are the artifacts of its run; what is known of it is one tag. MLflow keeps no history of
an alias, so each decision is a version of a second registered model, `<name>-decisions`: MLflow numbers
versions one by one, whoever asks, and that decides between two writers. Aliases are set as well, for those
who look at MLflow.
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
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from bookcore.domain.errors import BookstreamError, Conflict, NotFound, Unavailable
from bookml.artifact import Files, accepted, checked, digest_of, digests_of
from bookml.registry import Decision, Draft, Version, challenger_of, champion_of
from bookml.registry.files import check_name, decision_of, is_name

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
    """As the port."""

    def __init__(self, url: str) -> None:
        self._client = MlflowClient(tracking_uri=url, registry_uri=url)

    def register(self, name: str, files: Files, draft: Draft) -> Version:
        """As Registry.register."""
        check_name(name)
        accepted(files)
        digest = digest_of(files)
        for version in self.versions(name):
            if version.digest == digest:
                return version
        with _asked(), TemporaryDirectory() as folder:
            for file, body in files.items():
                (Path(folder) / file).write_bytes(body)
            run = self._client.create_run(self._experiment(), run_name=name)
            for metric, value in draft.metrics.items():
                self._client.log_metric(run.info.run_id, metric, value)
            self._client.log_artifacts(run.info.run_id, folder, _FOLDER)
            self._client.set_terminated(run.info.run_id)
            self._ensure(name)
            about = {
                "digest": digest,
                "digests": digests_of(files),
                "created_at": datetime.now(UTC).isoformat(),
                **asdict(draft),
            }
            made = self._client.create_model_version(
                name,
                f"{run.info.artifact_uri}/{_FOLDER}",
                run.info.run_id,
                tags={_ABOUT: orjson.dumps(about).decode()},
                await_creation_for=0,
            )
        return _version_of(made)

    def names(self) -> Sequence[str]:
        """As Registry.names."""
        with _asked():
            found = self._client.search_registered_models(max_results=_PAGE)
        return sorted(model.name for model in found if is_name(model.name))

    def versions(self, name: str) -> Sequence[Version]:
        """As Registry.versions."""
        if not is_name(name):
            return []
        return [_version_of(each) for each in self._all(name) if _ABOUT in each.tags]

    def files(self, version: Version) -> Files:
        """As Registry.files."""
        with _asked(), TemporaryDirectory() as folder:
            kept = self._client.get_model_version(version.name, str(version.version))
            path = Path(self._client.download_artifacts(str(kept.run_id), _FOLDER, folder))
            found = {each.name: each.read_bytes() for each in path.iterdir() if each.is_file()}
        return checked(found, version.digests)

    def decide(self, decision: Decision, *, expected: int) -> None:
        """As Registry.decide; loses to whoever got the next number first."""
        check_name(decision.name)
        log = decision.name + _LOG
        every = self._all(log)
        if sum(_VOID not in each.tags for each in every) != expected:
            raise _taken(decision.name)
        told = orjson.dumps(asdict(decision)).decode()
        with _asked():
            self._ensure(log)
            made = self._client.create_model_version(
                log, f"models:/{decision.name}/{decision.version}", tags={_ABOUT: told}, await_creation_for=0
            )
            if int(made.version) != max((int(each.version) for each in every), default=0) + 1:
                self._client.set_model_version_tag(log, made.version, _VOID, "another was first")
                raise _taken(decision.name)
        with suppress(BookstreamError):
            self._mirror(decision.name)

    def decisions(self, name: str) -> Sequence[Decision]:
        """As Registry.decisions."""
        if not is_name(name):
            return []
        return [
            decision_of(orjson.loads(each.tags[_ABOUT]))
            for each in self._all(name + _LOG)
            if _VOID not in each.tags and _ABOUT in each.tags
        ]

    def _mirror(self, name: str) -> None:
        """The aliases say what the decisions say; if that fails, the decisions are right."""
        decisions = self.decisions(name)
        wanted = {"champion": champion_of(decisions), "challenger": challenger_of(decisions)}
        with _asked():
            for alias, version in wanted.items():
                if version is None:
                    self._client.delete_registered_model_alias(name, alias)
                else:
                    self._client.set_registered_model_alias(name, alias, str(version))

    def _all(self, name: str) -> list[ModelVersion]:
        """Every version of a registered model, from the first."""
        found: list[ModelVersion] = []
        token = None
        with _asked():
            while True:
                page = self._client.search_model_versions(f"name='{name}'", _PAGE, page_token=token)
                found += page
                token = page.token
                if not token:
                    return sorted(found, key=lambda each: int(each.version))

    def _experiment(self) -> str:
        known = self._client.get_experiment_by_name(_EXPERIMENT)
        if known is not None:
            return str(known.experiment_id)
        try:
            return str(self._client.create_experiment(_EXPERIMENT))
        except MlflowException:  # somebody else makes it at the same time
            known = self._client.get_experiment_by_name(_EXPERIMENT)
            if known is None:
                raise
            return str(known.experiment_id)

    def _ensure(self, name: str) -> None:
        try:
            self._client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise


@contextmanager
def _asked() -> Iterator[None]:
    """MLflow's errors in our words. Raises: NotFound, Unavailable."""
    try:
        yield
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            raise NotFound("MLflow has no such model or file") from error
        raise Unavailable(f"MLflow answers {error.error_code}", retry_after=5.0) from error
    except (requests.RequestException, OSError) as error:
        raise Unavailable(
            "MLflow can't be reached; check BOOKSTREAM_REGISTRY_URL", retry_after=5.0
        ) from error


def _version_of(kept: ModelVersion) -> Version:
    told: Mapping[str, Any] = orjson.loads(kept.tags[_ABOUT])  # Any: JSON of ours
    created = datetime.fromisoformat(told["created_at"])
    return Version(**{**told, "name": kept.name, "version": int(kept.version), "created_at": created})


def _taken(name: str) -> Conflict:
    return Conflict(f"somebody else has just decided about {name}; look again")
