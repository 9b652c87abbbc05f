"""Whether a page is whole."""

import pytest

from booksources.web_pages.wholeness import is_complete

_WHOLE = {
    "end tag": b"<html><body><p>x</body></html>",
    "end tag in capitals": b"<HTML><BODY><DIV>x</BODY></HTML >\n",
    "text after it": b"<html><body><div>x</div></body></html>" + b"<!-- served by node 7 -->" * 100,
    "no end tag": b"<!doctype html><title>x</title><article><p>One<p>Two</article>",
    "paragraph left open": b"<!doctype html><title>x</title><h1>x</h1><p>\xc2\xa351.77",
    "list items and cells left open": b"<!doctype html><table><tr><td>1<tr><td>2</table><ul><li>a<li>b</ul>",
    "void elements and drawings": b"<!doctype html><img src=a><br><svg><path d='M0'/></svg><p>x</p>",
}
_CUT = {
    "nothing": b"",
    "no element": b"{}",
    "within a tag": b"<!doctype html><p>x</p><a hre",
    "within an attribute": b"<!doctype html><p>x</p><a title='a > b",
    "within a comment": b"<!doctype html><p>x</p><!-- abc",
    "within a script": b"<!doctype html><p>x</p><script>var a = '</p>';",
    "within a block": b"<html><body><div class=product><h1>x</h1><p>\xc2\xa35",
    "within a table": b"<!doctype html><table><tr><th>UPC</th><td>1</td></tr>\n<tr>\n",
    "within the title": b"<!doctype html><title>A bo",
}


@pytest.mark.parametrize("html", _WHOLE.values(), ids=_WHOLE)
def test_page_with_its_end_is_complete(html: bytes) -> None:
    assert is_complete(html)


@pytest.mark.parametrize("html", _CUT.values(), ids=_CUT)
def test_page_that_was_cut_is_incomplete(html: bytes) -> None:
    assert not is_complete(html)
    assert not is_complete(html, is_delimited=False)


def test_page_without_announced_end_must_end_with_an_element() -> None:
    assert is_complete(_WHOLE["no end tag"], is_delimited=False)
    assert not is_complete(_WHOLE["paragraph left open"], is_delimited=False)
