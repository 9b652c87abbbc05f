"""Which addresses may be shown as links: a browser runs `javascript:` and `data:` addresses."""

import re
from urllib.parse import urlsplit

_UNSEEN = re.compile(r"[\x00-\x20]+")  # browsers drop these before they look for the scheme
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_INVALID = re.compile(r"[\x00-\x20\x7f<>\"]")
_WEB = ("http", "https")
LONGEST_URL = 2_000


def is_web_address(text: str) -> bool:
    """Whether it is an http(s) address with a host, of at most 2,000 characters."""
    if len(text) > LONGEST_URL or _INVALID.search(text):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in _WEB and bool(parts.hostname)
    except ValueError:
        return False


def has_other_scheme(text: str) -> bool:
    """Whether a browser would take it as an address of a scheme other than http(s)."""
    if text.startswith(("https://", "http://")):  # nearly always
        return False
    scheme = _SCHEME.match(_UNSEEN.sub("", text))
    return scheme is not None and scheme[1].lower() not in _WEB
