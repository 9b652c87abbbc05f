"""Normalises written amounts: a decimal point, no thousands' separators."""

import re

_GROUPS = {".": r"[,'\u2019 \u00a0\u202f]", ",": r"[.'\u2019 \u00a0\u202f]"}
_AMOUNTS = {
    decimal: re.compile(
        rf"(?<![\d.,])(\d{{1,3}}(?:{groups}\d{{3}})+|\d+)(?:{re.escape(decimal)}(\d+))?(?![\d.,]*\d)"
    )
    for decimal, groups in _GROUPS.items()
}


def normalise_amounts(text: str, decimal: str) -> str:
    """Normalise each amount of the text; other notations (1,50 with a point) are unchanged."""
    return _AMOUNTS[decimal].sub(_normalise_amount, text)


def _normalise_amount(match: re.Match[str]) -> str:
    whole = re.sub(r"\D", "", match[1])
    return f"{whole}.{match[2]}" if match[2] else whole
