"""The charset of a page, as browsers find it: byte order mark, Content-Type, meta tag, else UTF-8.

Bytes that are invalid in it become U+FFFD, which the domain refuses; text of a guessed charset would be
accepted.
"""

import codecs
import re

from w3lib.encoding import html_body_declared_encoding, html_to_unicode, http_content_type_encoding, read_bom

_WIDE = re.compile(r"utf[-_]?(?:16|32)(?:[-_](?:le|be))?")
_UTF8 = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([A-Za-z0-9_-]{1,40})", re.IGNORECASE)
_MARK = codecs.BOM_UTF8


def decode_html(html: bytes, content_type: str = "") -> str:
    """The text of a page, without its byte order mark."""
    declares = _UTF8.search(html, 0, 1_024)
    if not content_type and declares and declares[1].lower() == b"utf-8":  # most pages; ten times faster
        try:
            return html.decode("utf-8").removeprefix("\ufeff")
        except UnicodeDecodeError:
            pass
    if read_bom(html)[0] is None:
        declared = http_content_type_encoding(content_type)
        if declared and _WIDE.fullmatch(declared):  # browsers read utf-16 without a mark as little-endian
            return html.decode(f"{declared}-le" if declared[-2:].isdecimal() else declared, "replace")
        if declared is None and _WIDE.fullmatch(html_body_declared_encoding(html) or ""):
            return html.decode("utf-8", "replace")  # the tag could be read, so the page isn't wide
    return html_to_unicode(content_type, html)[1]


def is_xml(content_type: str) -> bool:
    """Whether a document declares its charset as XML does, as feeds and sitemaps do; XHTML is HTML here."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind in ("text/xml", "application/xml") or (kind.endswith("+xml") and "xhtml" not in kind)


def keep_charset(html: bytes, content_type: str) -> bytes:
    """The bytes of a page that can be decoded without its Content-Type.

    Bytes for which the header changes nothing are returned as they came; others as UTF-8 with a byte
    order mark, which outranks what the page declares.
    """
    declared = http_content_type_encoding(content_type)
    if declared is None or read_bom(html)[0] is not None:
        return html
    if declared == (html_body_declared_encoding(html) or "utf-8") and not _WIDE.fullmatch(declared):
        return html
    return _MARK + decode_html(html, content_type).encode("utf-8", "replace")
