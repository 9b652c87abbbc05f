"""Slots of cron expressions, by croniter."""

from datetime import UTC, datetime

from croniter import CroniterError, croniter

_FIELDS = 5
_ANY = datetime(2026, 1, 1, tzinfo=UTC)


def find_fault(expression: str) -> str | None:
    """What is wrong with it, for people; None for an expression that comes due."""
    if len(expression.split()) != _FIELDS:
        return "must have five fields: minute, hour, day, month, weekday"
    try:
        find_next(expression, _ANY)
    except CroniterError:
        return "has a field out of range, or never comes due"
    return None


def find_next(expression: str, after: datetime) -> datetime:
    """The first slot after the moment, in its time zone. Raises: CroniterError."""
    found: datetime = croniter(expression, after).get_next(datetime)
    return found
