"""The charset of a page, as browsers find it."""

import pytest

from booksources.web_pages.charset import decode_html, keep_charset

_TEXT = "<html><head>{meta}</head><body>Caf\u00e9 \u201c\u20ac9.99\u201d na\u00efve</body></html>"
_PLAIN = "<html><body>Caf\u00e9 na\u00efve</body></html>"
_META = '<meta charset="{}">'

# bytes, Content-Type, text
_CASES = {
    "latin-1 by header": (_PLAIN.encode("latin-1"), "text/html; charset=ISO-8859-1", _PLAIN),
    "latin-1 by quoted header": (_PLAIN.encode("latin-1"), 'text/html; charset="iso-8859-1"', _PLAIN),
    "header utf-8 against meta latin-1": (
        _TEXT.format(meta=_META.format("iso-8859-1")).encode(),
        "text/html; charset=utf-8",
        _TEXT.format(meta=_META.format("iso-8859-1")),
    ),
    "cp1252 as iso-8859-1 by header": (
        _TEXT.format(meta="").encode("cp1252"),
        "text/html; charset=iso-8859-1",
        _TEXT.format(meta=""),
    ),
    "cp1252 as iso-8859-1 by meta": (
        _TEXT.format(meta=_META.format("iso-8859-1")).encode("cp1252"),
        "text/html",
        _TEXT.format(meta=_META.format("iso-8859-1")),
    ),
    "utf-16 with a mark": (_TEXT.encode("utf-16"), "text/html", _TEXT),
    "utf-16 big-endian with a mark": (("\ufeff" + _TEXT).encode("utf-16-be"), "", _TEXT),
    "utf-16 by header without a mark": (_TEXT.encode("utf-16-le"), "text/html; charset=utf-16", _TEXT),
    "utf-16be by header": (_TEXT.encode("utf-16-be"), "text/html; charset=UTF-16BE", _TEXT),
    "utf-8 with a mark against the header": (
        b"\xef\xbb\xbf" + _TEXT.encode(),
        "text/html; charset=iso-8859-1",
        _TEXT,
    ),
    "meta utf-16 in a page of bytes": (
        _TEXT.format(meta=_META.format("utf-16")).encode(),
        "text/html",
        _TEXT.format(meta=_META.format("utf-16")),
    ),
    "xml declaration": (
        b'<?xml version="1.0" encoding="iso-8859-15"?>' + _PLAIN.encode("latin-1"),
        "",
        '<?xml version="1.0" encoding="iso-8859-15"?>' + _PLAIN,
    ),
    "shift_jis": ("<p>\u672c</p>".encode("shift_jis"), "text/html; charset=Shift_JIS", "<p>\u672c</p>"),
    "unknown charset": (_TEXT.encode(), "text/html; charset=klingon-1", _TEXT),
    "nothing declared": (_TEXT.encode(), "", _TEXT),
}


@pytest.mark.parametrize(("html", "content_type", "text"), _CASES.values(), ids=_CASES)
def test_page_is_decoded_as_browsers_do(html: bytes, content_type: str, text: str) -> None:
    assert decode_html(html, content_type) == text


@pytest.mark.parametrize(("html", "content_type", "text"), _CASES.values(), ids=_CASES)
def test_kept_page_needs_no_header(html: bytes, content_type: str, text: str) -> None:
    assert decode_html(keep_charset(html, content_type)) == text


def test_page_that_needs_no_header_is_kept_byte_by_byte() -> None:
    assert keep_charset(_TEXT.encode(), "text/html; charset=UTF-8") == _TEXT.encode()
    assert keep_charset(_TEXT.encode("latin-1", "replace"), "text/html") == _TEXT.encode("latin-1", "replace")


def test_invalid_bytes_become_replacement_characters() -> None:
    assert "Caf\ufffd" in decode_html(_PLAIN.encode("latin-1"), "text/html; charset=utf-8")
    assert "Caf\ufffd" in decode_html(_PLAIN.encode("latin-1"))
