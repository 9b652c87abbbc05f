"""Markup -> plain text with a line break between blocks.

Feeds escape their descriptions once, twice or not at all, and mix markup with plain text that has `<` in it.
"""

import re
from collections.abc import Iterator
from html import unescape

from lxml import etree, html  # type: ignore[import-untyped]  # ships no types

_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]{0,15}(?:\s[^<>]{0,2000})?/?>|<!--")
_ESCAPED_TAG = re.compile(r"&lt;/?[a-zA-Z][a-zA-Z0-9]{0,15}(?:\s[^<>]{0,300}?)?/?&gt;")
_CDATA = re.compile(r"<!\[CDATA\[|\]\]>")
_RAW_TAG = re.compile(
    r"</?(?:title|textarea|xmp|plaintext|listing|noembed|noframes)(?=[\s/>])[^<>]*>", re.IGNORECASE
)  # their content is no markup, and without an end tag all that follows is theirs
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_BLOCKS = frozenset(
    (  # noqa: SIM905 - names of elements read better as words
        "address article aside blockquote body br center dd div dl dt fieldset figure footer form h1 h2 h3 h4"
        " h5 h6 header hr li main nav ol p pre section table tbody td tfoot th thead tr ul"
    ).split()
)
_UNSEEN = frozenset({"script", "style", "head", "template", "noscript", "iframe", "object"})
_SPACES = re.compile(r"[^\S\n]+")


def convert_html_to_text(text: str) -> str:
    """The text that a browser shows; text without markup is unchanged but for its white space.

    Markup and entities that were escaped twice are read, too: `&lt;p&gt;` in a parsed text is a paragraph.
    """
    text = _CDATA.sub("", text)
    if _ESCAPED_TAG.search(text):
        text = unescape(text)
    if _TAG.search(text):
        text = _read_markup(text)
    if _ENTITY.search(text):
        text = unescape(text)
    return tidy_lines(text)


def read_element_text(element: object) -> str:
    """Text of a parsed element with its descendants; XHTML blocks within it begin and end a line."""
    return "".join(_list_texts(element))


def tidy_lines(text: str) -> str:
    """Single spaces, no blank lines, no space at the ends of a line."""
    lines = (_SPACES.sub(" ", line).strip() for line in text.replace("\r", "\n").split("\n"))
    return "\n".join(line for line in lines if line)


def _read_markup(text: str) -> str:
    text = _RAW_TAG.sub(" ", text)
    parser = html.HTMLParser(huge_tree=True)
    try:
        root = html.fragment_fromstring(text, create_parent="div", parser=parser)
    except (etree.ParserError, ValueError):
        return _TAG.sub(" ", text)
    if any(error.type_name == "ERR_RESOURCE_LIMIT" or "depth" in error.message for error in parser.error_log):
        return _TAG.sub(" ", text)  # the parser dropped what is nested too deeply
    return "".join(_list_texts(root))


def _list_texts(element: object) -> Iterator[str]:
    """Texts in order without recursion; line breaks of the source are spaces, blocks begin and end a line."""
    for event, node in etree.iterwalk(element, events=("start", "end", "comment", "pi")):
        if event in ("comment", "pi"):
            yield _flatten(node.tail)
            continue
        name = node.tag.rpartition("}")[2].lower()
        is_block = name in _BLOCKS
        if event == "start":
            yield "\n" if is_block else ""
            yield "" if name in _UNSEEN else _flatten(node.text)
        else:
            yield "\n" if is_block else ""
            yield "" if node is element else _flatten(node.tail)


def _flatten(text: str | None) -> str:
    return " ".join(text.split("\n")) if text else ""
