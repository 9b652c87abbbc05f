"""Port of the model registry: models by name and version, and an append-only list of decisions about them.

Adapters: a file tree and an MLflow server; the scheme of the URL selects one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol, cast

from bookcore.domain.errors import Conflict
from bookcore.kit.adapters import load_adapter
from bookml.artifact import Files


class ModelAction(StrEnum):
    """A decision about a version."""

    PROMOTE = "promote"
    REJECT = "reject"
    ROLLBACK = "rollback"
    CHALLENGE = "challenge"
    RAMP = "ramp"


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One model as registered; `digests` are SHA-256 by file, `digest` that of all of them together.

    `metrics` are figures by name; `verdict` is the gate's, `reason` its sentence.
    """

    name: str
    version: int
    digest: str
    digests: dict[str, str]
    created_at: datetime
    source: str
    currency: str
    snapshot: str
    features: str
    verdict: str
    passed: bool
    reason: str
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelDraft:
    """A model as a training run describes it, before it is registered."""

    source: str
    currency: str
    snapshot: str
    features: str
    verdict: str
    passed: bool
    reason: str
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class ModelDecision:
    """One line of the promotions table, about `version`."""

    name: str
    version: int
    act: ModelAction
    reason: str
    by: str
    at: datetime


class ModelRegistry(Protocol):
    """Blocking, safe for several processes."""

    def register(self, name: str, files: Files, draft: ModelDraft) -> ModelVersion:
        """Store a model; the same files under the same name return their existing version."""

    def list_names(self) -> Sequence[str]:
        """Names of all models in order."""

    def list_versions(self, name: str) -> Sequence[ModelVersion]:
        """From the first to the newest; empty for an unknown name."""

    def read_files(self, version: ModelVersion) -> Files:
        """Files of a model, checked against their digests.

        Raises: NotFound, Invalid naming the file that was altered, Unavailable.
        """

    def append_decision(self, decision: ModelDecision, *, expected: int) -> None:
        """Append a decision after `expected` others.

        Raises: Conflict when another decision was appended meanwhile.
        """

    def list_decisions(self, name: str) -> Sequence[ModelDecision]:
        """From the first to the newest."""


_ADAPTERS = {
    "file": "bookml.registry.files",
    "mlflow+http": "bookml.registry.mlflow",
    "mlflow+https": "bookml.registry.mlflow",
}


class _Adapter(Protocol):
    def open_registry(self, url: str) -> ModelRegistry: ...


def open_registry(url: str) -> ModelRegistry:
    """Raises: Invalid when no adapter speaks the URL's scheme."""
    adapter = load_adapter(url, _ADAPTERS, port="registry", field="registry_url")
    return cast(_Adapter, adapter).open_registry(url)


def build_model_name(source: str, currency: str) -> str:
    """One line of models for each source and currency."""
    return f"price-{source}-{currency.lower()}"


def get_champion(decisions: Sequence[ModelDecision]) -> int | None:
    """The version in use: a rollback takes the last promotion back, a rejection of the champion too."""
    stack: list[int] = []
    for decision in decisions:
        if decision.act is ModelAction.PROMOTE:
            stack.append(decision.version)
        elif decision.act is ModelAction.ROLLBACK and stack:
            stack.pop()
        elif decision.act is ModelAction.REJECT:
            stack = [version for version in stack if version != decision.version]
    return stack[-1] if stack else None


@dataclass(frozen=True, slots=True)
class Challenge:
    """A version that is tried since `since`; its share was raised `ramps` times, last at `step_since`."""

    version: int
    since: datetime
    ramps: int
    step_since: datetime


def get_challenge(decisions: Sequence[ModelDecision]) -> Challenge | None:
    """What is tried beside the champion, until it is promoted or rejected."""
    challenge: Challenge | None = None
    for decision in decisions:
        if decision.act is ModelAction.CHALLENGE:
            challenge = Challenge(decision.version, decision.at, 0, decision.at)
        elif challenge is not None and decision.version == challenge.version:
            is_ramp = decision.act is ModelAction.RAMP
            challenge = (
                replace(challenge, ramps=challenge.ramps + 1, step_since=decision.at) if is_ramp else None
            )
    return challenge


def get_challenger(decisions: Sequence[ModelDecision]) -> int | None:
    """The version of `challenge_of`."""
    challenge = get_challenge(decisions)
    return None if challenge is None else challenge.version


def check_promotable(version: ModelVersion, decisions: Sequence[ModelDecision]) -> None:
    """Raises: Conflict when the gate, or a person, has refused this version."""
    if not version.passed:
        raise Conflict(f"{version.name} version {version.version} was refused by the gate: {version.reason}")
    if any(d.act is ModelAction.REJECT and d.version == version.version for d in decisions):
        raise Conflict(f"{version.name} version {version.version} was rejected; train a new one")
