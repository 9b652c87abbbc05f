"""Pauses of sources: `pauses/<source>/<time>-paused` or `-resumed` in the lake; the newest counts."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from bookcore.lake import Lake

PREFIX = "pauses/"
_KEY = re.compile(r"pauses/([^/]+)/([^/]+)-(paused|resumed)")
_NAME = re.compile(r"[^A-Za-z0-9_.-]")


def record_pause(lake: Lake, source: str, *, at: datetime, is_paused: bool) -> None:
    """Idempotent by time. Raises: Unavailable."""
    name = _NAME.sub("_", source)[:100] or "_"
    state = "paused" if is_paused else "resumed"
    lake.put(f"{PREFIX}{name}/{at.astimezone(UTC):%Y-%m-%dT%H%M%S.%fZ}-{state}", state.encode())


def list_paused_sources(lake: Lake) -> Sequence[str]:
    """In alphabetical order. Raises: Unavailable."""
    newest: dict[str, str] = {}
    for key in sorted(lake.list(PREFIX)):
        if match := _KEY.fullmatch(key):
            newest[match[1]] = match[3]
    return [source for source, state in newest.items() if state == "paused"]
