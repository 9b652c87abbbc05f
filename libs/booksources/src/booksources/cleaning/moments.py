"""Moments as ISO 8601 prints them."""

from datetime import UTC, datetime


def parse_moment(text: str) -> datetime | None:
    """A day is its beginning; a moment without an offset is taken as UTC; None for another text."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
