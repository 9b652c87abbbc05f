"""JSON of pages: with the faults that shops' templates make, as long as its values stay certain."""

import json
import re
from decimal import Decimal

from bookcore.domain.errors import Invalid

_STRING = r'"(?:\\.|[^"\\])*"'
_NOISE = re.compile(rf"({_STRING})|/\*.*?\*/|//[^\n]*|<!\[CDATA\[|\]\]>|<!--|-->", re.DOTALL)
_TRAILING = re.compile(rf"({_STRING})|,(?=\s*[,}}\]])", re.DOTALL)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufeff]")
_DECODER = json.JSONDecoder(parse_float=Decimal, strict=False)


def parse_json(text: str) -> list[object]:
    """The values that stand one after another; numbers are exact.

    Comments, marks of HTML and CDATA, control characters, a comma or semicolon too many are passed over.
    Raises: Invalid for what is broken beyond that.
    """
    try:
        return _decode_all(text)
    except (ValueError, RecursionError):
        pass
    plain = _CONTROLS.sub(" ", text)
    plain = _NOISE.sub(lambda found: found[1] or " ", plain)
    plain = _TRAILING.sub(lambda found: found[1] or " ", plain)
    try:
        return _decode_all(plain)
    except RecursionError as error:
        raise Invalid("is nested too deeply") from error
    except ValueError as error:
        place = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise Invalid(f"is no JSON{place}") from error


def _decode_all(text: str) -> list[object]:
    values, at = [], _skip(text, 0)
    while at < len(text):
        value, end = _DECODER.raw_decode(text, at)
        values.append(value)
        at = _skip(text, end)
    return values


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n;\u00a0\ufeff":
        at += 1
    return at
