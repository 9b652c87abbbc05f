"""The pages for people, `/` and `/portal`: files of this folder, served as they are; no CDN."""

from importlib.resources import files

MEDIA_TYPES = {
    "portal.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml; charset=utf-8",
    "account.js": "text/javascript; charset=utf-8",
    "admin.js": "text/javascript; charset=utf-8",
    "home.js": "text/javascript; charset=utf-8",
    "portal.js": "text/javascript; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "session.js": "text/javascript; charset=utf-8",
    "usage.js": "text/javascript; charset=utf-8",
    "keys.js": "text/javascript; charset=utf-8",
    "links.js": "text/javascript; charset=utf-8",
}
"""Every part by its name; nothing else in this folder is served."""


def read_home() -> bytes:
    """The page at `/`."""
    return _read_file("home.html")


def read_page() -> bytes:
    """The portal itself."""
    return _read_file("index.html")


def read_part(name: str) -> bytes | None:
    """A part of the page; None for no such part."""
    return _read_file(name) if name in MEDIA_TYPES else None


def _read_file(name: str) -> bytes:
    return files("gateway.portal").joinpath(name).read_bytes()
