"""The models in use: loaded beside the old ones and swapped in at once; no request ever waits or fails.

A registry that is away changes nothing: what is loaded goes on, and health says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Event, Lock

import structlog

from bookcore.domain.errors import BookstreamError, Invalid, NotFound, Unavailable
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

_log = structlog.get_logger()
_MAX_UNUSED = 8  # versions that somebody asked for by number; each is some ten megabytes


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A version with its opened graph."""

    version: ModelVersion
    predictor: PricePredictor
    explainer: Explainer


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model's versions in use. Without a champion the newest version's facts make the baseline.

    `challenge` is how the challenger is tried; `decisions` those that all of this rests on.
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
    """Safe for several threads: `lines` is only ever replaced as a whole."""

    registry: ModelRegistry
    by_name: Mapping[str, ServedModel] = field(default_factory=dict)
    problem: str = ""
    _lock: Lock = field(default_factory=Lock)
    _loaded: dict[str, LoadedModel] = field(default_factory=dict)
    _problems: dict[str, str] = field(default_factory=dict)

    def refresh(self) -> None:
        """Look at the promotions and load what is new; never raises."""
        with self._lock:
            try:
                names = self.registry.list_names()
                found = {name: self._read_model(name) for name in names}
                found |= {name: self._keep_lost_model(name) for name in self.by_name.keys() - set(names)}
                self.by_name = {name: line for name, line in found.items() if line is not None}
                self.problem = "; ".join(sorted(self._problems.values()))
            except BookstreamError as error:
                self._record_problem(str(error))
            except Exception as error:  # noqa: BLE001 - whatever a registry does, the loaded models serve on
                self._record_problem(f"the registry answers with {type(error).__name__}")

    def refresh_until(self, stop: Event, *, every: float) -> None:
        """Refresh until told to stop."""
        while not stop.wait(every):
            self.refresh()

    def get_for_source(self, source: str, currency: str | None) -> ServedModel:
        """Raises: NotFound when none was trained on the source, Invalid when the currency must be told."""
        if currency:
            found = self.by_name.get(build_model_name(source, currency))
            if found is None:
                raise NotFound(f"no model was trained on {source!r} in {currency}")
            return found
        lines = [line for line in self.by_name.values() if line.newest.source == source]
        if not lines:
            raise NotFound(
                f"no model was trained on {source!r}; run `bookstream train --source {source[:40]}`"
            )
        if len(lines) > 1:
            told = ", ".join(sorted(line.newest.currency for line in lines))
            raise Invalid(f"say which: {told}", field="currency")
        return lines[0]

    def load_version(self, version: ModelVersion) -> LoadedModel:
        """Open a version, once.

        Raises: Invalid when its files aren't what was registered, NotFound, Unavailable.
        """
        found = self._loaded.get(version.digest)
        if found is None:
            files = self.registry.read_files(version)
            predictor = PricePredictor(files)
            found = LoadedModel(version, predictor, Explainer(files.get(TREES, b"[]"), predictor))
            self._loaded = {**self._select_retained(), version.digest: found}
        return found if found.version == version else replace(found, version=version)

    def _select_retained(self) -> dict[str, LoadedModel]:
        """What is open and may stay so: all that is in use, and the newest others."""
        lines = [each for line in self.by_name.values() for each in (line.champion, line.challenger)]
        used = {each.version.digest for each in lines if each}
        others = [digest for digest in self._loaded if digest not in used][-_MAX_UNUSED:]
        return {digest: each for digest, each in self._loaded.items() if digest in used or digest in others}

    def _keep_lost_model(self, name: str) -> ServedModel:
        """Nobody can delete a model: a registry that lacks one has lost it, and the loaded one serves on."""
        self._problems[name] = f"{name} is not in the registry any more; the model that is loaded serves on"
        return self.by_name[name]

    def _read_model(self, name: str) -> ServedModel | None:
        """The line as it is now; as it was when it can't be read: one bad model is no other's trouble."""
        versions = {version.version: version for version in self.registry.list_versions(name)}
        if not versions:
            return self._keep_lost_model(name) if name in self.by_name else None
        try:
            found = self._build_model(name, versions)
            self._problems.pop(name, None)
        except (Invalid, NotFound) as error:
            self._problems[name] = f"{name} can't be read: {error}"
            return self.by_name.get(name)
        return found

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
            reason = f"version {champion} can't be used: its files aren't what was registered"
        return ServedModel(newest, first, second, facts, reason, challenge, decisions)

    def _try_load(self, version: ModelVersion | None, before: LoadedModel | None) -> LoadedModel | None:
        """A version that can't be opened is said so and the one before serves on."""
        if version is None:
            return None
        try:
            found = self.load_version(version)
            self._problems.pop(version.digest, None)
        except (Invalid, NotFound) as error:
            self._problems[version.digest] = f"{version.name} version {version.version} is refused: {error}"
            _log.error("model refused", name=version.name, version=version.version, reason=str(error))
            return before
        return found

    def _read_baseline(
        self, versions: Mapping[int, ModelVersion], before: ServedModel | None
    ) -> ModelDescription:
        """Of a model that isn't in use only the description is read, never its graph; the newest that can be.

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
            self.problem = f"{reason}; the models that are loaded serve on"
        _log.warning("models not refreshed", reason=reason)


def _check_nothing_lost(
    before: ServedModel | None, versions: Mapping[int, ModelVersion], decisions: Sequence[ModelDecision]
) -> None:
    """Versions and decisions are only ever added: where some are gone, others may be about to go.

    Raises: NotFound.
    """
    if before is None:
        return
    used = {each.version.version for each in (before.champion, before.challenger) if each}
    if len(decisions) < len(before.decisions) or not versions.keys() >= used | {before.newest.version}:
        raise NotFound("versions or decisions that were there are gone")


def check_models(models: ServedModels) -> None:
    """Raises: Unavailable when nothing was ever loaded because the registry is away."""
    if models.problem and not models.by_name:
        raise Unavailable(models.problem)
