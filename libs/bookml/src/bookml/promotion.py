"""Decisions about models: checked, appended to the promotions table, published as events."""

from collections.abc import Sequence
from dataclasses import dataclass

from bookcore.domain.errors import Conflict, NotFound
from bookcore.event_log import EventLog
from bookcore.events.codec import encode
from bookcore.events.ml import ModelDecided
from bookcore.events.topics import DECIDED
from bookcore.kit.clock import Clock
from bookml.registry import (
    ModelAction,
    ModelDecision,
    ModelRegistry,
    ModelVersion,
    check_promotable,
    get_challenger,
    get_champion,
)


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """A requested decision; `version` 0 means the champion.

    `after` is the number of decisions that the request is based on; None for no check.
    """

    name: str
    act: ModelAction
    by: str
    reason: str
    version: int = 0
    after: int | None = None


class DecisionWriter:
    """Appends to the table, then publishes: ml-api reads the table, so a lost event changes nothing."""

    def __init__(self, registry: ModelRegistry, log: EventLog, clock: Clock) -> None:
        self._registry = registry
        self._event_log = log
        self._clock = clock

    def decide(self, request: DecisionRequest) -> ModelDecision:
        """Raises: NotFound for an unknown model or version, Conflict for a forbidden decision or when another
        decision was made meanwhile."""
        decisions = self._registry.list_decisions(request.name)
        if request.after is not None and request.after != len(decisions):
            raise Conflict(f"model {request.name} changed meanwhile; reload and retry")
        champion = get_champion(decisions)
        number = request.version or champion
        if number is None:
            raise NotFound(f"{request.name} has no champion")
        version = get_version(self._registry, request.name, number)
        if request.act in (ModelAction.PROMOTE, ModelAction.CHALLENGE):
            check_promotable(version, decisions)
        if request.act is ModelAction.RAMP and number != get_challenger(decisions):
            raise Conflict(f"{request.name} version {number} is not the current challenger")
        if request.act is ModelAction.PROMOTE and number == champion:
            raise Conflict(f"{request.name} version {number} is the champion already")
        decision = ModelDecision(
            request.name, number, request.act, request.reason, request.by, self._clock.now()
        )
        self._registry.append_decision(decision, expected=len(decisions))
        self._event_log.append(DECIDED.name, [encode(_build_event(decision), source=request.by)])
        return decision


def get_version(registry: ModelRegistry, name: str, number: int) -> ModelVersion:
    """Raises: NotFound."""
    for version in registry.list_versions(name):
        if version.version == number:
            return version
    raise NotFound(f"{name} has no version {number}")


def get_role(version: ModelVersion, decisions: Sequence[ModelDecision]) -> str:
    """`champion`, `challenger`, `rejected` or `candidate`."""
    if get_champion(decisions) == version.version:
        return "champion"
    if get_challenger(decisions) == version.version:
        return "challenger"
    if not version.passed or any(
        d.act is ModelAction.REJECT and d.version == version.version for d in decisions
    ):
        return "rejected"
    return "candidate"


def get_reason(version: ModelVersion, decisions: Sequence[ModelDecision]) -> str:
    """Reason of the newest decision about the version, else the gate's."""
    reasons = [decision.reason for decision in decisions if decision.version == version.version]
    return reasons[-1] if reasons else version.reason


def _build_event(decision: ModelDecision) -> ModelDecided:
    """The event has no RAMP: a canary step is published as another challenge of the same version."""
    act = ModelAction.CHALLENGE if decision.act is ModelAction.RAMP else decision.act
    return ModelDecided(
        name=decision.name,
        version=decision.version,
        act=act.value,
        reason=decision.reason,
        by=decision.by,
        decided_at=decision.at,
    )
