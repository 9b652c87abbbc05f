"""Detects the format of a feed by its beginning."""

import re

from booksources.reading import Document

_HEAD = 1 << 16
_LEADER = re.compile(rb"\d{5}[acdnpu ][a-z][a-z ][ a-z]", re.ASCII)
_ROOT = re.compile(r"<(?![?!])(?:[\w.-]+:)?(?P<name>[\w.-]+)")
_DUMP = "/type/edition\t"
_MERCHANT = "base.google.com/ns"
_MARC_XML = "www.loc.gov/MARC21/slim"
_ROOTS = {"onixmessage": "onix", "product": "onix", "rss": "merchant", "rdf": "merchant"}
_JSON = (
    (re.compile(r'"kind"\s*:\s*"books#volumes?"'), "google_books"),
    (re.compile(r'opds-spec\.org|opds\+json|"metadata".*"publications"\s*:\s*\[', re.DOTALL), "opds"),
    (re.compile(r'^\s*\{\s*"products"\s*:\s*\[.*"(?:variants|body_html)"', re.DOTALL), "shopify"),
    (re.compile(r'^\s*\[.*"permalink"\s*:.*"currency_minor_unit"', re.DOTALL), "woocommerce"),
    (re.compile(r"/type/edition|\"numFound\"\s*:|\"key\"\s*:\s*\"/books/OL\d+M\""), "open_library"),
)


def detect_reader(document: Document) -> str | None:
    """Name of the reader of the document's format, None for what no reader of feeds reads.

    Takes up to 64 KiB of the body.
    """
    head = document.body.read(_HEAD)
    if _LEADER.match(head):
        return "marc"
    text = _decode(head).lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        return _detect_xml(text)
    is_json = text.startswith(("{", "[", _DUMP))
    return next((name for pattern, name in _JSON if pattern.search(text)), None) if is_json else None


def _decode(head: bytes) -> str:
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    return head.decode(encoding, "replace")


def _detect_xml(text: str) -> str | None:
    root = _ROOT.search(re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL))
    if root is None:
        return None
    name = root["name"].lower()
    if name in ("collection", "record") and _MARC_XML in text:
        return "marc"
    if name == "feed":
        return "merchant" if _MERCHANT in text else "opds"
    return _ROOTS.get(name)
