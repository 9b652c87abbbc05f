"""Amounts as people write them -> with a point and without thousands' separators."""

import re

_GROUPS = {".": r"[,'\u2019 \u00a0\u202f]", ",": r"[.'\u2019 \u00a0\u202f]"}
_AMOUNTS = {
    decimal: re.compile(
        rf"(?<![\d.,])(\d{{1,3}}(?:{groups}\d{{3}})+|\d+)(?:{re.escape(decimal)}(\d+))?(?![\d.,]*\d)"
    )
    for decimal, groups in _GROUPS.items()
}


def plain_amounts(text: str, decimal: str) -> str:
    """Each amount of the text plain; what isn't written like that (1,50 with a decimal point) stays."""
    return _AMOUNTS[decimal].sub(_plain, text)


def _plain(match: re.Match[str]) -> str:
    whole = re.sub(r"\D", "", match[1])
    return f"{whole}.{match[2]}" if match[2] else whole
