"""Bytes of an XML file -> clean UTF-8 for the parser, a piece at a time.

Real feeds have control characters, names of HTML's entities, and bytes that their declared encoding doesn't
have. The last become U+FFFD, so that only the record that they are in is refused. A file that declares
entities of its own is refused whole: nobody's feed needs them, and bombs are made of them.
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
_PIECE = 1 << 16


class CleanXml:
    """A file to read from, as parsers take it.

    Raises, while reading: Invalid for an unknown encoding or entities of its own.
    """

    def __init__(self, body: IO[bytes], *, encoding: str | None) -> None:
        self._body = body
        self._first: bytes = body.read(1_024)
        name = encoding or _encoding_of(self._first)
        try:
            self._decoder = codecs.getincrementaldecoder(name)(errors="replace")
        except LookupError as error:
            raise Invalid(f"declares the encoding {name!r}, which nobody knows", field="file") from error
        self._kept = ""
        self._begins = True
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        """Some bytes, not always `size`; none at the end."""
        while not self._ended:
            piece = self._first or self._body.read(_PIECE)
            self._first = b""
            self._ended = not piece
            text = self._kept + self._decoder.decode(piece, final=self._ended)
            if self._begins and piece:
                text, self._begins = _DECLARATION.sub("", text), False  # it is UTF-8 from here on
            cut = None if self._ended else _UNFINISHED.search(text)
            self._kept = text[cut.start() :] if cut else ""
            if ready := _cleaned(text[: cut.start()] if cut else text):
                return ready
        return b""


def _encoding_of(head: bytes) -> str:
    mark = next((name for mark, name in _BOMS.items() if head.startswith(mark)), None)
    if mark:
        return mark
    if head.startswith((b"<\x00", b"\x00<")):
        return "utf-16-le" if head[0] else "utf-16-be"
    declared = _DECLARED.match(head)
    return declared[1].decode() if declared else "utf-8"


def _cleaned(text: str) -> bytes:
    if "<!ENTITY" in text:
        raise Invalid("declares entities; such files are refused", field="file")
    text = _NUMBERED.sub(_legal, _NAMED.sub(_meant, _ILLEGAL.sub(" ", text)))
    return text.encode(errors="replace")


def _meant(match: re.Match[str]) -> str:
    if match[1] in _OWN:
        return match[0]
    return html5.get(f"{match[1]};", f"&amp;{match[1]};")


def _legal(match: re.Match[str]) -> str:
    number = int(match[1][1:], 16) if match[1].startswith("x") else int(match[1])
    return match[0] if number < 0x110000 and not _ILLEGAL.match(chr(number)) else " "
