"""Dates of ONIX by their format (code list 55)."""

import re
from datetime import UTC, date, datetime

_DIGITS = re.compile(r"\d+")
_SENT = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:T?(\d\d):?(\d\d)(?::?(\d\d))?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_TEXT = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?:T.*)?", re.ASCII)
_WHOLE = {"00": 8, "13": 8, "14": 8, "06": 8, "01": 6, "07": 6}
_YEAR = frozenset({"02", "03", "04", "05", "08", "09", "10", "11"})
"""Weeks, quarters and seasons are known by their year only."""
_ISLAMIC = frozenset({"20", "21", "25", "32"})


def parse_date(text: str, form: str = "") -> str | None:
    """YYYY, YYYY-MM or YYYY-MM-DD; of a period its first day. None when the text is no date of that format.

    Without a format the number of digits tells it. Dates of the Islamic calendar are not converted.
    """
    text = text.strip()
    if form in _ISLAMIC:
        return None
    if match := _TEXT.fullmatch(text):
        return _build_date([part for part in match.groups() if part])
    if form == "12" or not _DIGITS.match(text):
        return None
    digits = re.sub(r"T.*", "", text)
    if not _DIGITS.fullmatch(digits):
        return None
    length = 4 if form in _YEAR else _WHOLE.get(form, len(digits))
    if length not in (4, 6, 8) or len(digits) < length:
        return None
    return _build_date([digits[:4], digits[4:6], digits[6:8]][: length // 2 - 1])


def parse_sent_at(text: str) -> datetime | None:
    """When the message was sent, in UTC where it names no offset; a bare day is its first moment."""
    match = _SENT.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        if match[7] and match[7] != "Z":
            moment = datetime.fromisoformat(f"{moment:%Y-%m-%dT%H:%M:%S}{match[7]}")
    except ValueError:
        return None
    return moment


def _build_date(parts: list[str]) -> str | None:
    """`00` for the month or the day means that it is unknown."""
    known = parts[: next((place for place, part in enumerate(parts) if place and part == "00"), len(parts))]
    numbers = [int(part) for part in known]
    try:
        date(numbers[0], *[*numbers[1:], 1, 1][:2])
    except ValueError:
        return None
    return "-".join(known)
