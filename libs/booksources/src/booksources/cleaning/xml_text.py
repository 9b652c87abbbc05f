"""Converts the bytes of an XML file to clean UTF-8 for the parser, in blocks.

Real feeds have control characters, HTML entities, and bytes that are invalid in their declared encoding. The
last become U+FFFD, so that only their record is rejected. A file that declares entities is rejected as a
whole: feeds don't need them, and entity-expansion attacks do.
"""

import codecs
import re
from html.entities import html5
from typing import IO

from bookcore.domain.errors import Invalid

_DECLARATION = re.compile(r"^\ufeff?\s*<\?xml\b[^>]*\?>")
_DECLARED = re.compile(rb"""^[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NUMBERED = re.compile(r"&#(x[0-9a-fA-F]{1,6}|[0-9]{1,7});")
_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,30});")
_UNFINISHED = re.compile(r"[&<][^;>\s]{0,40}$")
_OWN = frozenset({"amp", "lt", "gt", "quot", "apos"})
_BLOCK = 1 << 16


class SanitizedXml:
    """A file object for the parser.

    Raises, while reading: Invalid for an unknown encoding or entities of its own.
    """

    def __init__(self, body: IO[bytes]) -> None:
        self._body = body
        self._first: bytes = body.read(1_024)
        name = _detect_encoding(self._first)
        try:
            self._decoder = codecs.getincrementaldecoder(name)(errors="replace")
        except LookupError as error:
            raise Invalid(f"declares the encoding {name!r}, which is unknown", field="file") from error
        self._pending = ""
        self._at_start = True
        self._at_end = False

    def read(self, size: int = -1) -> bytes:
        """Some bytes, not always `size`; empty at the end."""
        while not self._at_end:
            block = self._first or self._body.read(_BLOCK)
            self._first = b""
            self._at_end = not block
            text = self._pending + self._decoder.decode(block, final=self._at_end)
            if self._at_start and block:
                text, self._at_start = _DECLARATION.sub("", text), False  # it is UTF-8 from here on
            cut = None if self._at_end else _UNFINISHED.search(text)
            self._pending = text[cut.start() :] if cut else ""
            if ready := _sanitize(text[: cut.start()] if cut else text):
                return ready
        return b""


def _detect_encoding(head: bytes) -> str:
    mark = next((name for mark, name in _BOMS.items() if head.startswith(mark)), None)
    if mark:
        return mark
    if head.startswith((b"<\x00", b"\x00<")):
        return "utf-16-le" if head[0] else "utf-16-be"
    declared = _DECLARED.match(head)
    return declared[1].decode() if declared else "utf-8"


def _sanitize(text: str) -> bytes:
    if "<!ENTITY" in text:
        raise Invalid("declares entities; such files are refused", field="file")
    text = _NUMBERED.sub(_replace_reference, _NAMED.sub(_replace_entity, _ILLEGAL.sub(" ", text)))
    return text.encode(errors="replace")


def _replace_entity(match: re.Match[str]) -> str:
    if match[1] in _OWN:
        return match[0]
    return html5.get(f"{match[1]};", f"&amp;{match[1]};")


def _replace_reference(match: re.Match[str]) -> str:
    number = int(match[1][1:], 16) if match[1].startswith("x") else int(match[1])
    return match[0] if number < 0x110000 and not _ILLEGAL.match(chr(number)) else " "
