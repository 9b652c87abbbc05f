"""The one place that asks what time it is, so that a test can say."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Aware UTC."""

    def now(self) -> datetime:
        """This moment."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """This moment."""
        return datetime.now(UTC)
