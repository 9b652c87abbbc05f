"""Decisions about models: checked, written to the promotions table, told on the topic."""

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
    """What somebody wants to be decided; `version` 0 means the champion.

    `after` is the number of decisions that the wish rests on; None if it rests on none.
    """

    name: str
    act: ModelAction
    by: str
    reason: str
    version: int = 0
    after: int | None = None


class DecisionWriter:
    """Writes first and tells then: an event that is lost is in the table, where ml-api looks anyway."""

    def __init__(self, registry: ModelRegistry, log: EventLog, clock: Clock) -> None:
        self._registry = registry
        self._event_log = log
        self._clock = clock

    def decide(self, wish: DecisionRequest) -> ModelDecision:
        """Raises: NotFound for an unknown model or version, Conflict for what must not be, or when somebody
        else decides at the same time."""
        decisions = self._registry.list_decisions(wish.name)
        if wish.after is not None and wish.after != len(decisions):
            raise Conflict(f"somebody else has just decided about {wish.name}; look again")
        champion = get_champion(decisions)
        number = wish.version or champion
        if number is None:
            raise NotFound(f"{wish.name} has no champion")
        version = get_version(self._registry, wish.name, number)
        if wish.act in (ModelAction.PROMOTE, ModelAction.CHALLENGE):
            check_promotable(version, decisions)
        if wish.act is ModelAction.RAMP and number != get_challenger(decisions):
            raise Conflict(f"{wish.name} version {number} is not what is tried")
        if wish.act is ModelAction.PROMOTE and number == champion:
            raise Conflict(f"{wish.name} version {number} is the champion already")
        made = ModelDecision(wish.name, number, wish.act, wish.reason, wish.by, self._clock.now())
        self._registry.append_decision(made, expected=len(decisions))
        self._event_log.append(DECIDED.name, [encode(_build_event(made), source=wish.by)])
        return made


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
    """Why it has its role: that of the newest decision about it, else the gate's."""
    reasons = [decision.reason for decision in decisions if decision.version == version.version]
    return reasons[-1] if reasons else version.reason


def _build_event(made: ModelDecision) -> ModelDecided:
    """The event knows no steps: a step is one more challenge of the same version, its reason says how far."""
    act = ModelAction.CHALLENGE if made.act is ModelAction.RAMP else made.act
    return ModelDecided(
        name=made.name,
        version=made.version,
        act=act.value,
        reason=made.reason,
        by=made.by,
        decided_at=made.at,
    )
