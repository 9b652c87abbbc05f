"""Days and months of quotas, in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

DAY, MONTH = "day", "month"
DAY_SECONDS, LONGEST_MONTH_SECONDS = 86_400, 31 * 86_400
NAMES = (DAY, MONTH)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """From `start` to before `end`, in seconds since 1970; `name` is day or month."""

    name: str
    start: int
    end: int


def get_period(name: str, at: int) -> Period:
    """The day or month of a moment."""
    moment = datetime.fromtimestamp(at, UTC)
    start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if name == DAY:
        end = start + timedelta(days=1)
    else:
        start = start.replace(day=1)
        end = (start + timedelta(days=31)).replace(day=1)
    return Period(name, int(start.timestamp()), int(end.timestamp()))
