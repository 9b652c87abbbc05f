"""Keys of listings."""

import re
from hashlib import sha256

_SAFE = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_LENGTH = 24


def make_source_id(key: str) -> str:
    """The source's own key where it is safe in a URL, else 24 digits of its SHA-256."""
    return key if _SAFE.fullmatch(key) else sha256(key.encode(errors="replace")).hexdigest()[:_LENGTH]
