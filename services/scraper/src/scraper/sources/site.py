"""One copy of a source's site: which URLs belong to it, and their canonical form."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit, urlunsplit

from bookcore.domain.errors import Invalid
from scraper.sources import Source

_PORTS = {"http": 80, "https": 443}
_MAX_LENGTH = 2_000
_SPECIAL = re.compile(r"[?#\s\\]|/\.")


@dataclass(frozen=True, slots=True)
class Site:
    """`start`: URL of the start page; the site is everything below its folder, `root`.

    `ports` are those that may be asked: the start's own, or both web ports when it has none of its own.
    """

    source: Source
    start: str
    host: str
    ports: frozenset[int]
    root: str

    @property
    def is_loopback(self) -> bool:
        """Whether the host is a loopback address or `localhost`."""
        return self.host == "localhost" or (_is_ip_address(self.host) and ip_address(self.host).is_loopback)

    @property
    def allows_private_addresses(self) -> bool:
        """Whether the host may resolve to a private address: a public name must not.

        Private are private literals, `localhost` and names without a dot, which no public name lacks.
        """
        if _is_ip_address(self.host):
            return not ip_address(self.host).is_global
        return self.source.allows_private_addresses or "." not in self.host

    def is_internal(self, url: str) -> bool:
        """Whether a request may be sent there: scheme, host and port of the site, no user name."""
        parts = _split_url(url)
        if parts is None or parts.username is not None:
            return False
        return parts.hostname == self.host and _read_port(parts) in self.ports

    def canonicalize(self, link: str) -> str | None:
        """Canonical form of an absolute link within the site; None for a link to another site.

        Links that name the site by its public host are followed on this copy: a mirror keeps some of those,
        and a crawl of a mirror must not wander off to the public site.
        """
        if len(link) > _MAX_LENGTH:
            return None
        if link.startswith(self.root) and link.endswith(".html") and not _SPECIAL.search(link):
            return link if self.allows_path(urlsplit(link).path) else None
        return self._canonicalize_parts(link)

    def _canonicalize_parts(self, link: str) -> str | None:
        parts = _split_url(link)
        if parts is None:
            return None
        start = urlsplit(self.start)
        folder = "" if self.source.reader else start.path.rpartition("/")[0]
        if self.is_internal(link):
            path = parts.path or "/"
        elif parts.hostname in self.source.hosts:
            path = folder + (parts.path or "/")
        else:
            return None
        if path.endswith("/"):
            path += self.source.index_file
        if not path.startswith(f"{folder}/") or not self.allows_path(path):
            return None
        return urlunsplit((start.scheme, start.netloc, path, self._reduce_query(parts.query), ""))

    def allows_path(self, path: str) -> bool:
        """Whether the source declares no prefixes of pages, or this path has one of them."""
        return not self.source.paths or path.startswith(self.source.paths)

    @property
    def starts(self) -> tuple[str, ...]:
        """The start page, and further start pages and sitemaps of the source on this copy; these may lie
        outside of the paths of its pages."""
        others = (url for url in self.source.start_urls[1:] if self.is_internal(url))
        return tuple(dict.fromkeys((self.start, *others)))

    def _reduce_query(self, query: str) -> str:
        """Only the keys that tell pages apart, in one order."""
        if self.source.query is None or not query:
            return query
        kept = [pair for pair in query.split("&") if pair.partition("=")[0] in self.source.query]
        return "&".join(sorted(kept))


def parse_site(source: Source, url: str) -> Site:
    """The copy of the source's site that starts at this URL.

    Raises: Invalid when the URL is none that a crawl can begin at.
    """
    parts = _split_url(url.strip())
    if parts is None or not parts.hostname or parts.username is not None:
        raise Invalid(f"{url!r} must be an http or https URL without a password", field="toscrape_url")
    port = _read_port(parts)
    ports = frozenset({port} if parts.port and port not in _PORTS.values() else _PORTS.values())
    shown = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = shown if port == _PORTS[parts.scheme] else f"{shown}:{port}"
    path = parts.path or "/"
    start = path + source.index_file if path.endswith("/") else path
    address = urlunsplit((parts.scheme, netloc, start, parts.query, ""))
    folder = urlunsplit((parts.scheme, netloc, path[: path.rfind("/") + 1], "", ""))
    return Site(source, address, parts.hostname, ports, folder)


def _split_url(url: str) -> SplitResult | None:
    """None for anything but an http or https URL."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in _PORTS else None


def _read_port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]


def _is_ip_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
