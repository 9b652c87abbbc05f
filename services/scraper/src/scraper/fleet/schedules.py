"""Keeps the schedules of sources: a run that is due is begun once, by whichever worker is first.

A due run makes its source run, as a command does; then every worker takes part in it, and pages of a worker
that dies go to the others when their leases end. What is due is computed from the last run that began, so
slots that were missed are one run, and a clock that is set back begins none.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from bookcore.kit.clock import Clock
from bookcore.kit.logger import get_logger
from booksources.sources.schedule import Schedule
from scraper.fleet.control import FleetControl, SourceMode, SourceState

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_log = get_logger(__name__)

OnDue = Callable[[str, datetime], None]
"""(source, when its next run is due)."""


class ScheduleKeeper:
    """Of the sources that have one. `on_due` is called when a due time changes, for the metrics."""

    def __init__(
        self, fleet: FleetControl, schedules: Mapping[str, Schedule | None], clock: Clock, *, on_due: OnDue
    ) -> None:
        self._fleet = fleet
        self._schedules = schedules
        self._clock = clock
        self._on_due = on_due
        self._due: dict[str, tuple[datetime | None, datetime]] = {}

    def keep(self, state: SourceState) -> bool:
        """Begin the run of the source if it is due; whether this call began it. Raises: Unavailable."""
        schedule = self._schedules.get(state.source)
        if schedule is None:
            return False
        due, now = self._find_due(state, schedule), self._clock.now()
        if now < due or state.mode in (SourceMode.RUNNING, SourceMode.PAUSED):
            return False
        has_begun = self._fleet.claim_run(state.source, due=due, now=now)
        if has_begun:
            _log.info("scheduled run begins", source=state.source, schedule=str(schedule))
        return has_begun

    def _find_due(self, state: SourceState, schedule: Schedule) -> datetime:
        """A source that never ran is due at once."""
        last, due = self._due.get(state.source, (None, None))
        if due is None or last != state.last_begun:
            last = state.last_begun
            due = schedule.compute_due(last) if last else _NEVER
            self._due[state.source] = (last, due)
            self._on_due(state.source, due if last else self._clock.now())
        return due
