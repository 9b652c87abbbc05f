"""Damaged pages.

Each function takes a good page's bytes and gives back the bad ones.
"""

import re
from collections.abc import Callable
from dataclasses import replace

from sample_shop.faults import FaultKind
from sample_shop.storefront import Page

AMOUNT = re.compile("£[0-9.]+".encode())
PRICE_LINE = re.compile(rb'<p class="price_color">[^<]*</p>\n')
PRICE_ROW = re.compile(rb"<tr>\s*<th>(?:Price|Tax)[^<]*</th><td>[^<]*</td>\s*</tr>\n")


def truncate(body: bytes) -> bytes:
    """Truncate within the information table, after the UPC and before prices and stock."""
    return body[: body.index(b"<th>Product Type")]


def remove_price(body: bytes) -> bytes:
    """Remove the book's own price and its table row; the cards of other books keep theirs."""
    own, others = _split_own_part(body)
    return PRICE_ROW.sub(b"", PRICE_LINE.sub(b"", own)) + others


def replace_price(text: str) -> Callable[[bytes], bytes]:
    """Prints `text` for each of the book's own amounts; the cards of other books stay right."""

    def damage(body: bytes) -> bytes:
        own, others = _split_own_part(body)
        return AMOUNT.sub(text.encode(), own) + others

    return damage


def encode_latin_1(body: bytes) -> bytes:
    """Encode as Latin-1 under a UTF-8 meta tag; the pound sign becomes invalid UTF-8."""
    return body.decode().encode("latin-1", errors="replace")


def _split_own_part(body: bytes) -> tuple[bytes, bytes]:
    end = body.index(b"</table>")
    return body[:end], body[end:]


DAMAGES: dict[FaultKind, Callable[[bytes], bytes]] = {
    FaultKind.BROKEN: truncate,
    FaultKind.MISSING_PRICE: remove_price,
    FaultKind.BAD_PRICE: replace_price("£-1"),
    FaultKind.NAN_PRICE: replace_price("£NaN"),
    FaultKind.WRONG_CHARSET: encode_latin_1,
}


def apply_damage(kind: FaultKind, page: Page) -> Page:
    """For the kinds in DAMAGES only."""
    return replace(page, body=DAMAGES[kind](page.body))
