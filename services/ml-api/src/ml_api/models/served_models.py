"""The models in use: loaded beside the old ones and swapped in at once; no request ever waits or fails.

A registry that is away changes nothing: what is loaded goes on, and health says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Event, Lock

import structlog

from bookcore.domain.errors import BookstreamError, Invalid, NotFound, Unavailable
from bookml.artifact import FACTS, TREES, ModelFacts, facts_of_model
from bookml.predictor import Predictor
from bookml.registry import Challenge, Decision, Registry, Version, challenge_of, champion_of, model_name
from ml_api.models.explainer import Explainer

_log = structlog.get_logger()
_MOST_UNUSED = 8  # versions that somebody asked for by number; each is some ten megabytes


@dataclass(frozen=True, slots=True)
class Loaded:
    """A version with its opened graph."""

    version: Version
    predictor: Predictor
    explainer: Explainer


@dataclass(frozen=True, slots=True)
class Line:
    """One model's versions in use. Without a champion the newest version's facts make the baseline.

    `challenge` is how the challenger is tried; `decisions` those that all of this rests on.
    """

    newest: Version
    champion: Loaded | None
    challenger: Loaded | None
    baseline: ModelFacts
    reason: str
    challenge: Challenge | None = None
    decisions: Sequence[Decision] = ()


@dataclass(slots=True)
class Models:
    """Safe for several threads: `lines` is only ever replaced as a whole."""

    registry: Registry
    lines: Mapping[str, Line] = field(default_factory=dict)
    trouble: str = ""
    _lock: Lock = field(default_factory=Lock)
    _opened: dict[str, Loaded] = field(default_factory=dict)
    _refused: dict[str, str] = field(default_factory=dict)

    def refresh(self) -> None:
        """Look at the promotions and load what is new; never raises."""
        with self._lock:
            try:
                names = self.registry.names()
                found = {name: self._kept(name) for name in names}
                found |= {name: self._missed(name) for name in self.lines.keys() - set(names)}
                self.lines = {name: line for name, line in found.items() if line is not None}
                self.trouble = "; ".join(sorted(self._refused.values()))
            except BookstreamError as error:
                self._note(str(error))
            except Exception as error:  # noqa: BLE001 - whatever a registry does, the loaded models serve on
                self._note(f"the registry answers with {type(error).__name__}")

    def keep_fresh(self, stop: Event, *, every: float) -> None:
        """Refresh until told to stop."""
        while not stop.wait(every):
            self.refresh()

    def line(self, source: str, currency: str | None) -> Line:
        """Raises: NotFound when none was trained on the source, Invalid when the currency must be told."""
        if currency:
            found = self.lines.get(model_name(source, currency))
            if found is None:
                raise NotFound(f"no model was trained on {source!r} in {currency}")
            return found
        lines = [line for line in self.lines.values() if line.newest.source == source]
        if not lines:
            raise NotFound(
                f"no model was trained on {source!r}; run `bookstream train --source {source[:40]}`"
            )
        if len(lines) > 1:
            told = ", ".join(sorted(line.newest.currency for line in lines))
            raise Invalid(f"say which: {told}", field="currency")
        return lines[0]

    def loaded(self, version: Version) -> Loaded:
        """Open a version, once.

        Raises: Invalid when its files aren't what was registered, NotFound, Unavailable.
        """
        found = self._opened.get(version.digest)
        if found is None:
            files = self.registry.files(version)
            predictor = Predictor(files)
            found = Loaded(version, predictor, Explainer(files.get(TREES, b"[]"), predictor))
            self._opened = {**self._spared(), version.digest: found}
        return found if found.version == version else replace(found, version=version)

    def _spared(self) -> dict[str, Loaded]:
        """What is open and may stay so: all that is in use, and the newest others."""
        lines = [each for line in self.lines.values() for each in (line.champion, line.challenger)]
        used = {each.version.digest for each in lines if each}
        others = [digest for digest in self._opened if digest not in used][-_MOST_UNUSED:]
        return {digest: each for digest, each in self._opened.items() if digest in used or digest in others}

    def _missed(self, name: str) -> Line:
        """Nobody can delete a model: a registry that lacks one has lost it, and the loaded one serves on."""
        self._refused[name] = f"{name} is not in the registry any more; the model that is loaded serves on"
        return self.lines[name]

    def _kept(self, name: str) -> Line | None:
        """The line as it is now; as it was when it can't be read: one bad model is no other's trouble."""
        versions = {version.version: version for version in self.registry.versions(name)}
        if not versions:
            return self._missed(name) if name in self.lines else None
        try:
            found = self._line(name, versions)
            self._refused.pop(name, None)
        except (Invalid, NotFound) as error:
            self._refused[name] = f"{name} can't be read: {error}"
            return self.lines.get(name)
        return found

    def _line(self, name: str, versions: Mapping[int, Version]) -> Line:
        decisions = self.registry.decisions(name)
        champion, challenge = champion_of(decisions), challenge_of(decisions)
        newest, before = versions[max(versions)], self.lines.get(name)
        _refuse_what_has_lost(before, versions, decisions)
        first = self._tried(versions.get(champion or 0), before.champion if before else None)
        second = self._tried(versions.get(challenge.version if challenge else 0), None)
        facts = first.predictor.facts if first else self._baseline(versions, before)
        reason = "" if first else newest.reason
        if champion and not first:
            reason = f"version {champion} can't be used: its files aren't what was registered"
        return Line(newest, first, second, facts, reason, challenge, decisions)

    def _tried(self, version: Version | None, before: Loaded | None) -> Loaded | None:
        """A version that can't be opened is said so and the one before serves on."""
        if version is None:
            return None
        try:
            found = self.loaded(version)
            self._refused.pop(version.digest, None)
        except (Invalid, NotFound) as error:
            self._refused[version.digest] = f"{version.name} version {version.version} is refused: {error}"
            _log.error("model refused", name=version.name, version=version.version, reason=str(error))
            return before
        return found

    def _baseline(self, versions: Mapping[int, Version], before: Line | None) -> ModelFacts:
        """Of a model that isn't in use only the description is read, never its graph; the newest that can be.

        Raises: Invalid, NotFound when none can be read.
        """
        if before is not None and before.newest.version == max(versions):
            return before.baseline
        for number in sorted(versions, reverse=True)[:-1]:
            try:
                return facts_of_model(self.registry.files(versions[number])[FACTS])
            except (Invalid, NotFound) as error:
                self._refused[versions[number].digest] = f"version {number} can't be read: {error}"
        return facts_of_model(self.registry.files(versions[min(versions)])[FACTS])

    def _note(self, reason: str) -> None:
        if not self.lines:
            self.trouble = reason
        else:
            self.trouble = f"{reason}; the models that are loaded serve on"
        _log.warning("models not refreshed", reason=reason)


def _refuse_what_has_lost(
    before: Line | None, versions: Mapping[int, Version], decisions: Sequence[Decision]
) -> None:
    """Versions and decisions are only ever added: where some are gone, others may be about to go.

    Raises: NotFound.
    """
    if before is None:
        return
    used = {each.version.version for each in (before.champion, before.challenger) if each}
    if len(decisions) < len(before.decisions) or not versions.keys() >= used | {before.newest.version}:
        raise NotFound("versions or decisions that were there are gone")


def check(models: Models) -> None:
    """Raises: Unavailable when nothing was ever loaded because the registry is away."""
    if models.trouble and not models.lines:
        raise Unavailable(models.trouble)
