"""Answers and their validators: which request gets the page, and which only hears that nothing has
changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from hashlib import blake2b

from sample_shop.storefront import Page

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class ShopResponse:
    """What goes on the wire, whole."""

    status: int
    headers: tuple[Header, ...] = ()
    body: bytes = b""


def build_plain(status: int, text: str, *headers: Header) -> ShopResponse:
    """A short text for people who meet it with curl; a line feed is added."""
    return ShopResponse(
        status, (*_build_body_headers("text/plain", f"{text}\n".encode()), *headers), f"{text}\n".encode()
    )


def build_unvalidated(page: Page) -> ShopResponse:
    """For damaged pages: without ETag or date, so that no client keeps the damage as the page."""
    return ShopResponse(
        200, (*_build_body_headers(page.media_type, page.body), (b"cache-control", b"no-store")), page.body
    )


def build_conditional(
    page: Page, changed_at: float, now: float, asked: Mapping[bytes, bytes]
) -> ShopResponse:
    """304 without a body if the caller's copy is current.

    If-None-Match outranks If-Modified-Since (RFC 9110, 13.2.2).
    """
    etag = b'"%s"' % blake2b(page.body, digest_size=12).hexdigest().encode()
    validators = (
        (b"etag", etag),
        (b"last-modified", _format_date(min(int(changed_at), int(now) - 1))),
        (b"cache-control", b"no-cache"),
    )
    if _is_current(etag, int(changed_at), asked):
        return ShopResponse(304, validators)
    return ShopResponse(200, (*_build_body_headers(page.media_type, page.body), *validators), page.body)


def _is_current(etag: bytes, changed_at: int, asked: Mapping[bytes, bytes]) -> bool:
    """A date is told at least a second late: a page that changes twice in one second is never taken for
    its first change.
    """
    tags = asked.get(b"if-none-match")
    if tags is not None:
        return tags.strip() == b"*" or etag in {tag.strip().removeprefix(b"W/") for tag in tags.split(b",")}
    since = asked.get(b"if-modified-since")
    return since is not None and changed_at <= _parse_date(since)


def _parse_date(date: bytes) -> float:
    """Minus infinity for what is no date, so that the page is sent."""
    try:
        return parsedate_to_datetime(date.decode("latin-1")).timestamp()
    except ValueError:
        return float("-inf")


def _build_body_headers(media_type: str, body: bytes) -> tuple[Header, ...]:
    return (b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())


def _format_date(seconds: int) -> bytes:
    return formatdate(seconds, usegmt=True).encode()
