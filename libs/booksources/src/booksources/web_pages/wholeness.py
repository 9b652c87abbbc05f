"""Whether a page is whole: in a truncated one "£51.77" may read "£5".

A transfer that ends early is refused where the page is fetched. These checks find what a transfer can't
tell: a page that its server cut, and a page whose transfer has no announced end.
"""

import codecs
import re
from html.parser import HTMLParser

from booksources.web_pages.charset import decode_html

_END = re.compile(rb"</html\s*>", re.IGNORECASE)
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param"})
_VOID |= {"source", "track", "wbr"}
_MAY_STAY_OPEN = frozenset({"html", "head", "body", "p", "li", "dt", "dd", "option", "optgroup", "rb", "rt"})
_MAY_STAY_OPEN |= {"rtc", "rp", "tr", "td", "th", "thead", "tbody", "tfoot", "colgroup", "caption"}
"""Elements whose end tag HTML lets a page leave out."""


def is_complete(html: bytes, *, is_delimited: bool = True) -> bool:
    """Whether the page has its end: the tag `</html>`, or no element left open that must be closed.

    `is_delimited`: the transfer announced its end. Without that, a page without `</html>` must end with the
    end of an element.
    """
    if html[:2] in _WIDE_MARKS:
        html = decode_html(html).encode("utf-8", "replace")
    if _END.search(html, max(0, len(html) - 1_000)) or _END.search(html):
        return True
    text = html.decode("latin-1")
    elements = _OpenElements()
    elements.feed(text)
    if not elements.has_elements or elements.rawdata.startswith("<"):  # a tag or comment without its end
        return False
    if not is_delimited and (not text.rstrip().endswith(">") or set(elements.names) - {"html", "body"}):
        return False
    return all(name in _MAY_STAY_OPEN for name in elements.names)


class _OpenElements(HTMLParser):
    """`names`: the elements that are open, the outermost first."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.names: list[str] = []
        self.has_elements = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.has_elements = True
        if tag not in _VOID:
            self.names.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.has_elements = True

    def handle_endtag(self, tag: str) -> None:
        if tag in self.names:
            del self.names[len(self.names) - 1 - self.names[::-1].index(tag) :]
