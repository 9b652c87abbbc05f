"""A log line as one JSON object, whatever it holds."""

import json
from collections.abc import Mapping

_CONTROLS = {code: f"\\u{code:04x}" for code in (*range(127, 160), 0x2028, 0x2029)}
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "\\ufffd")
_ESCAPES = {**_CONTROLS, **_SURROGATES}
"""Beside the characters that JSON escapes: controls of terminals, ends of lines, halves of pairs."""


def render_line(fields: Mapping[str, object]) -> str:
    """One line without its end. A value that JSON can't hold is its representation."""
    try:
        line = json.dumps(fields, ensure_ascii=False, allow_nan=False, default=repr)
    except (TypeError, ValueError, RecursionError):
        line = json.dumps({name: _describe(value) for name, value in fields.items()}, ensure_ascii=False)
    return escape_line(line)


def _describe(value: object) -> str | int | None:
    return value if value is None or isinstance(value, str | int) else repr(value)


def escape_line(line: str) -> str:
    """The JSON text without a character that a terminal or a reader of lines could act on."""
    return line if line.isascii() and "\x7f" not in line else line.translate(_ESCAPES)
