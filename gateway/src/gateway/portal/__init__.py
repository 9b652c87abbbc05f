"""The portal: a page for people, its parts kept as files in this folder and served as they are; no CDN."""

from importlib.resources import files

MEDIA_TYPES = {
    "portal.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "portal.js": "text/javascript; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "session.js": "text/javascript; charset=utf-8",
    "usage.js": "text/javascript; charset=utf-8",
    "keys.js": "text/javascript; charset=utf-8",
}
"""Every part by its name; nothing else in this folder is served."""


def read_page() -> bytes:
    """The page itself."""
    return _read_file("index.html")


def read_part(name: str) -> bytes | None:
    """A part of the page; None for no such part."""
    return _read_file(name) if name in MEDIA_TYPES else None


def _read_file(name: str) -> bytes:
    return files("gateway.portal").joinpath(name).read_bytes()
