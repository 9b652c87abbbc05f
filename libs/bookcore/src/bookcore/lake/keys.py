"""Valid keys, the same for every adapter."""

import re

from bookcore.domain.errors import Invalid

_KEY = re.compile(r"(?!.*\.\.)[A-Za-z0-9_=][A-Za-z0-9._=/-]{0,511}")


def check_key(key: str) -> str:
    """Returns the key.

    Raises: Invalid for a key that could leave the lake or that some store rejects.
    """
    if not _KEY.fullmatch(key):
        raise Invalid(f"{key!r} is no lake key", field="key")
    return key
