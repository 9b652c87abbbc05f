"""The models in use: loaded in the background and swapped in atomically, so that no request waits.

When the registry is unavailable, the loaded models stay in use, and readiness reports it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Event, Lock

from bookcore.domain.errors import BookstreamError, Invalid, NotFound, Unavailable
from bookcore.kit.logger import get_logger
from bookml.artifact import FACTS, TREES, ModelDescription, parse_description
from bookml.predictor import PricePredictor
from bookml.registry import (
    Challenge,
    ModelDecision,
    ModelRegistry,
    ModelVersion,
    build_model_name,
    get_challenge,
    get_champion,
)
from ml_api.models.explainer import Explainer

_log = get_logger(__name__)
_MAX_UNUSED = 8  # versions that were requested by number; each needs some ten megabytes


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A version with its loaded graph."""

    version: ModelVersion
    predictor: PricePredictor
    explainer: Explainer


@dataclass(frozen=True, slots=True)
class ServedModel:
    """The versions of one model that are in use, and the baseline of the newest version without a champion.

    `challenge` is the state of the experiment; `decisions` are those that the roles follow from.
    """

    newest: ModelVersion
    champion: LoadedModel | None
    challenger: LoadedModel | None
    baseline: ModelDescription
    reason: str
    challenge: Challenge | None = None
    decisions: Sequence[ModelDecision] = ()


@dataclass(slots=True)
class ServedModels:
    """Safe for several threads: `by_name` is only replaced as a whole."""

    registry: ModelRegistry
    by_name: Mapping[str, ServedModel] = field(default_factory=dict)
    problem: str = ""
    _lock: Lock = field(default_factory=Lock)
    _loaded: dict[str, LoadedModel] = field(default_factory=dict)
    _problems: dict[str, str] = field(default_factory=dict)

    def refresh(self) -> None:
        """Read the decisions and load new versions; never raises."""
        with self._lock:
            try:
                names = self.registry.list_names()
                models = {name: self._read_model(name) for name in names}
                models |= {name: self._keep_lost_model(name) for name in self.by_name.keys() - set(names)}
                self.by_name = {name: model for name, model in models.items() if model is not None}
                self.problem = "; ".join(sorted(self._problems.values()))
            except BookstreamError as error:
                self._record_problem(str(error))
            except Exception as error:  # noqa: BLE001 - whatever a registry does, the loaded models serve on
                self._record_problem(f"the registry failed with {type(error).__name__}")

    def refresh_until(self, stop: Event, *, every: float) -> None:
        """Refresh periodically until `stop` is set."""
        while not stop.wait(every):
            self.refresh()

    def get_for_source(self, source: str, currency: str | None) -> ServedModel:
        """Raises: NotFound without a model of the source, Invalid when the currency is ambiguous."""
        if currency:
            model = self.by_name.get(build_model_name(source, currency))
            if model is None:
                raise NotFound(f"no model was trained on {source!r} in {currency}")
            return model
        models = [model for model in self.by_name.values() if model.newest.source == source]
        if not models:
            raise NotFound(
                f"no model was trained on {source!r}; run `bookstream train --source {source[:40]}`"
            )
        if len(models) > 1:
            currencies = ", ".join(sorted(model.newest.currency for model in models))
            raise Invalid(f"say which: {currencies}", field="currency")
        return models[0]

    def load_version(self, version: ModelVersion) -> LoadedModel:
        """Load a version, once.

        Raises: Invalid when its files differ from the registered ones, NotFound, Unavailable.
        """
        loaded = self._loaded.get(version.digest)
        if loaded is None:
            files = self.registry.read_files(version)
            predictor = PricePredictor(files)
            loaded = LoadedModel(version, predictor, Explainer(files.get(TREES, b"[]"), predictor))
            self._loaded = {**self._select_retained(), version.digest: loaded}
        return loaded if loaded.version == version else replace(loaded, version=version)

    def _select_retained(self) -> dict[str, LoadedModel]:
        """Loaded versions to retain: all in use, and the newest others."""
        versions = [v for model in self.by_name.values() for v in (model.champion, model.challenger)]
        used = {loaded.version.digest for loaded in versions if loaded}
        others = [digest for digest in self._loaded if digest not in used][-_MAX_UNUSED:]
        return {
            digest: loaded for digest, loaded in self._loaded.items() if digest in used or digest in others
        }

    def _keep_lost_model(self, name: str) -> ServedModel:
        """Models are never deleted: one that is missing was lost, and stays in use."""
        self._problems[name] = f"{name} is missing in the registry; the loaded model stays in use"
        return self.by_name[name]

    def _read_model(self, name: str) -> ServedModel | None:
        """The model as registered, or as loaded before when it can't be read."""
        versions = {version.version: version for version in self.registry.list_versions(name)}
        if not versions:
            return self._keep_lost_model(name) if name in self.by_name else None
        try:
            model = self._build_model(name, versions)
            self._problems.pop(name, None)
        except (Invalid, NotFound) as error:
            self._problems[name] = f"{name} can't be read: {error}"
            return self.by_name.get(name)
        return model

    def _build_model(self, name: str, versions: Mapping[int, ModelVersion]) -> ServedModel:
        decisions = self.registry.list_decisions(name)
        champion, challenge = get_champion(decisions), get_challenge(decisions)
        newest, before = versions[max(versions)], self.by_name.get(name)
        _check_nothing_lost(before, versions, decisions)
        first = self._try_load(versions.get(champion or 0), before.champion if before else None)
        second = self._try_load(versions.get(challenge.version if challenge else 0), None)
        facts = first.predictor.description if first else self._read_baseline(versions, before)
        reason = "" if first else newest.reason
        if champion and not first:
            reason = f"version {champion} can't be used: its files differ from the registered ones"
        return ServedModel(newest, first, second, facts, reason, challenge, decisions)

    def _try_load(self, version: ModelVersion | None, before: LoadedModel | None) -> LoadedModel | None:
        """The loaded version; the previous one when it can't be loaded."""
        if version is None:
            return None
        try:
            loaded = self.load_version(version)
            self._problems.pop(version.digest, None)
        except (Invalid, NotFound) as error:
            self._problems[version.digest] = f"{version.name} version {version.version} is refused: {error}"
            _log.error("model refused", name=version.name, version=version.version, reason=str(error))
            return before
        return loaded

    def _read_baseline(
        self, versions: Mapping[int, ModelVersion], before: ServedModel | None
    ) -> ModelDescription:
        """The newest readable description of a model without a champion; its graph is not loaded.

        Raises: Invalid, NotFound when none can be read.
        """
        if before is not None and before.newest.version == max(versions):
            return before.baseline
        for number in sorted(versions, reverse=True)[:-1]:
            try:
                return parse_description(self.registry.read_files(versions[number])[FACTS])
            except (Invalid, NotFound) as error:
                self._problems[versions[number].digest] = f"version {number} can't be read: {error}"
        return parse_description(self.registry.read_files(versions[min(versions)])[FACTS])

    def _record_problem(self, reason: str) -> None:
        if not self.by_name:
            self.problem = reason
        else:
            self.problem = f"{reason}; the loaded models stay in use"
        _log.warning("models not refreshed; the loaded ones stay in use", reason=reason)


def _check_nothing_lost(
    before: ServedModel | None, versions: Mapping[int, ModelVersion], decisions: Sequence[ModelDecision]
) -> None:
    """Versions and decisions are append-only: if some are missing, the registry is not trusted.

    Raises: NotFound.
    """
    if before is None:
        return
    used = {loaded.version.version for loaded in (before.champion, before.challenger) if loaded}
    if len(decisions) < len(before.decisions) or not versions.keys() >= used | {before.newest.version}:
        raise NotFound("known versions or decisions are missing")


def check_models(models: ServedModels) -> None:
    """Raises: Unavailable when no model could be loaded because the registry is unavailable."""
    if models.problem and not models.by_name:
        raise Unavailable(models.problem)
