"""`python -m scraper.fetch.single URL [SOURCE]`: one page as a crawl would fetch it; stores nothing.

robots.txt is obeyed, redirects stay on the host, private addresses are refused unless the URL names one, and
a page larger than SCRAPER_MAX_BYTES is refused.
"""

import asyncio
import base64
import json
import sys
from dataclasses import asdict, dataclass
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

import aiohttp
from protego import Protego
from yarl import URL

from bookcore.domain.errors import BookstreamError, Invalid, Unavailable
from bookcore.kit.settings import read_settings
from booksources.sources.definition import parse_definition
from booksources.sources.registry import scan_sources
from scraper.fetch.headers import build_headers
from scraper.fetch.resolver import PrivateAddressError, PublicAddressResolver
from scraper.settings import Settings
from scraper.sources import Source, build_source
from scraper.sources.site import Site, parse_site

_MAX_REDIRECTS = 5
_ROBOTS_NAME = "Bookstream"


@dataclass(frozen=True, slots=True)
class SinglePage:
    """A page, and the sitemaps that the site's robots.txt names. `body`: base64."""

    url: str
    status: int
    content_type: str
    body: str
    sitemaps: tuple[str, ...] = ()


def fetch_page(settings: Settings, site: Site) -> SinglePage:
    """The start page of the site. Raises: Invalid when it is refused, Unavailable when it can't be had."""
    return asyncio.run(_fetch_politely(settings, site))


async def _fetch_politely(settings: Settings, site: Site) -> SinglePage:
    async with _open_session(settings, site) as session:
        fetcher = _Fetcher(session, site, settings.scraper_max_bytes)
        robots = await fetcher.fetch(urljoin(site.start, "/robots.txt"))
        text = robots.body.decode("utf-8", "replace") if robots.status == HTTPStatus.OK else ""
        rules = Protego.parse(text)
        if not rules.can_fetch(site.start, _ROBOTS_NAME):
            raise Invalid(f"robots.txt of the site forbids {site.start}")
        page = await fetcher.fetch(site.start)
        return SinglePage(
            page.url,
            page.status,
            page.content_type,
            base64.b64encode(page.body).decode(),
            tuple(rules.sitemaps),
        )


def _open_session(settings: Settings, site: Site) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=PublicAddressResolver(allows_private=site.allows_private_addresses)
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=build_headers(settings, site.source),
        timeout=aiohttp.ClientTimeout(total=settings.scraper_timeout),
        trust_env=False,
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    url: str
    status: int
    content_type: str
    body: bytes


class _Fetcher:
    def __init__(self, session: aiohttp.ClientSession, site: Site, limit: int) -> None:
        self._session = session
        self._site = site
        self._limit = limit

    async def fetch(self, url: str) -> _Answer:
        for _ in range(_MAX_REDIRECTS + 1):
            if not self._site.is_internal(url):
                raise Invalid(f"{url} is outside of {self._site.start}; refused")
            answer, target = await self._send(url)
            if target is None:
                return answer
            url = urljoin(url, target)
        raise Invalid(f"{url} redirects without an end")

    async def _send(self, url: str) -> tuple[_Answer, str | None]:
        try:
            async with self._session.get(URL(url, encoded=True), allow_redirects=False) as response:
                body = await self._read_body(response)
                kind = response.headers.get("Content-Type", "")
                target = response.headers.get("Location") if 300 <= response.status < 400 else None
                return _Answer(url, response.status, kind, body), target
        except TimeoutError as error:
            raise Unavailable(f"no answer from {urlsplit(url).netloc} in time") from error
        except aiohttp.ClientPayloadError as error:
            raise Unavailable(f"{url} was cut short: its transfer ended early") from error
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, PrivateAddressError):
                raise Invalid(str(error.os_error)) from error
            raise Unavailable(f"no connection to {error.host}:{error.port}") from error
        except aiohttp.ClientError as error:
            raise Unavailable(f"{url} can't be fetched: {error or type(error).__name__}") from error

    async def _read_body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self._limit:
                raise Invalid(f"the page is larger than {self._limit:,} bytes")
        return bytes(body)


def main(url: str, name: str | None = None) -> int:
    """Print the page as a line of JSON, or why it can't be had on standard error. The exit code."""
    try:
        settings = read_settings(Settings)
        page = fetch_page(settings, parse_site(_choose_source(settings, url, name), url))
    except BookstreamError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(asdict(page)) + "\n")
    return 0


def _choose_source(settings: Settings, url: str, name: str | None) -> Source:
    if name is not None:
        return build_source(scan_sources([settings.sources_folder]).find(name))
    return build_source(
        parse_definition({"name": "trial", "reader": "schema_org", "start": [url]}, place=url)
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
