"""Addresses that a document names."""

from urllib.parse import urljoin, urlsplit

_LONGEST = 2_000


def resolve_address(base: str, link: str | None) -> str | None:
    """The absolute http or https URL; None for any other scheme, an invalid or an overlong one."""
    if not link or len(link) > _LONGEST:
        return None
    try:
        address = urljoin(base, link.strip())
        parts = urlsplit(address)
    except ValueError:
        return None
    return address if parts.scheme in ("http", "https") and parts.hostname else None
