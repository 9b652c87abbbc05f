"""A User-Agent in a few words, so that people know their own devices again; it proves nothing."""

import re
from collections.abc import Mapping

UNKNOWN_DEVICE = "unknown device"
_BROWSERS: Mapping[str, str] = {
    "Edg": "Edge",
    "OPR": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
"""By product name, the more special first: Edge calls itself Chrome too, and Chrome Safari."""
_SYSTEMS: Mapping[str, str] = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}
_PROGRAM = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,39}")


def summarize_device(user_agent: str) -> str:
    """`Firefox on Linux`, `curl`; at most 80 characters of plain text, whatever was sent."""
    browser = next((name for mark, name in _BROWSERS.items() if f"{mark}/" in user_agent), None)
    system = next((name for mark, name in _SYSTEMS.items() if mark in user_agent), None)
    if browser is None:
        program = _PROGRAM.match(user_agent)
        browser = program[0] if program and not user_agent.startswith("Mozilla") else None
    return " on ".join(part for part in (browser, system) if part) or UNKNOWN_DEVICE
