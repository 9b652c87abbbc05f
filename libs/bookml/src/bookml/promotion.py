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
    Act,
    Decision,
    Registry,
    Version,
    challenger_of,
    champion_of,
    refuse_what_was_rejected,
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to be decided; `version` 0 means the champion.

    `after` is the number of decisions that the wish rests on; None if it rests on none.
    """

    name: str
    act: Act
    by: str
    reason: str
    version: int = 0
    after: int | None = None


class Decider:
    """Writes first and tells then: an event that is lost is in the table, where ml-api looks anyway."""

    def __init__(self, registry: Registry, log: EventLog, clock: Clock) -> None:
        self._registry = registry
        self._event_log = log
        self._clock = clock

    def decide(self, wish: Wish) -> Decision:
        """Raises: NotFound for an unknown model or version, Conflict for what must not be, or when somebody
        else decides at the same time."""
        decisions = self._registry.decisions(wish.name)
        if wish.after is not None and wish.after != len(decisions):
            raise Conflict(f"somebody else has just decided about {wish.name}; look again")
        champion = champion_of(decisions)
        number = wish.version or champion
        if number is None:
            raise NotFound(f"{wish.name} has no champion")
        version = version_of(self._registry, wish.name, number)
        if wish.act in (Act.PROMOTE, Act.CHALLENGE):
            refuse_what_was_rejected(version, decisions)
        if wish.act is Act.RAMP and number != challenger_of(decisions):
            raise Conflict(f"{wish.name} version {number} is not what is tried")
        if wish.act is Act.PROMOTE and number == champion:
            raise Conflict(f"{wish.name} version {number} is the champion already")
        made = Decision(wish.name, number, wish.act, wish.reason, wish.by, self._clock.now())
        self._registry.decide(made, expected=len(decisions))
        self._event_log.append(DECIDED.name, [encode(_event(made), source=wish.by)])
        return made


def version_of(registry: Registry, name: str, number: int) -> Version:
    """Raises: NotFound."""
    for version in registry.versions(name):
        if version.version == number:
            return version
    raise NotFound(f"{name} has no version {number}")


def role_of(version: Version, decisions: Sequence[Decision]) -> str:
    """`champion`, `challenger`, `rejected` or `candidate`."""
    if champion_of(decisions) == version.version:
        return "champion"
    if challenger_of(decisions) == version.version:
        return "challenger"
    if not version.passed or any(d.act is Act.REJECT and d.version == version.version for d in decisions):
        return "rejected"
    return "candidate"


def reason_of(version: Version, decisions: Sequence[Decision]) -> str:
    """Why it has its role: that of the newest decision about it, else the gate's."""
    reasons = [decision.reason for decision in decisions if decision.version == version.version]
    return reasons[-1] if reasons else version.reason


def _event(made: Decision) -> ModelDecided:
    """The event knows no steps: a step is one more challenge of the same version, its reason says how far."""
    act = Act.CHALLENGE if made.act is Act.RAMP else made.act
    return ModelDecided(
        name=made.name,
        version=made.version,
        act=act.value,
        reason=made.reason,
        by=made.by,
        decided_at=made.at,
    )
