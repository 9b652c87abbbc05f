"""Takes a printed title apart: what is asked for, and the series in brackets."""

import re
from dataclasses import dataclass

_BRACKET = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]\s*$")
_NUMBERED = re.compile(
    r"(?P<name>.*?)[\s,;:\u2013-]*(?:#|\b(?:book|vol|vols|volume|part|no|knjiga|deo|band|tome)\b\.?)\s*"
    r"(?P<number>\d+(?:\.\d+)?(?:\s?[-\u2013]\s?\d+)?)\s*",
    re.IGNORECASE,
)
_PARTS = re.compile(r"\s*[:;]\s+|\s+[-\u2013\u2014]\s+|\s*:\s*(?=\D)")
_MOST_BRACKETS = 3


@dataclass(frozen=True, slots=True)
class TitleParts:
    """`main` is the title without brackets, `pieces` its parts around a colon or dash; the series is empty
    where none is printed.
    """

    main: str
    pieces: tuple[str, ...]
    series: str
    number: str


def split_title(title: str) -> TitleParts:
    """`The Hunger Games (The Hunger Games, #1)` is a title, a series and a number."""
    main, series, number = title[:1_000].strip(), "", ""
    for _ in range(_MOST_BRACKETS):
        bracket = _BRACKET.search(main)
        if bracket is None or not main[: bracket.start()].strip():
            break
        main = main[: bracket.start()].strip()
        if match := _NUMBERED.fullmatch(bracket[1].split(";")[0]):
            series, number = match["name"], match["number"]
    pieces = tuple(piece for piece in _PARTS.split(main) if piece)
    for piece in pieces:
        if not number and (match := _NUMBERED.fullmatch(piece)) and match["name"]:
            series, number = match["name"], match["number"]
    return TitleParts(main, pieces if len(pieces) > 1 else (), series, number)
