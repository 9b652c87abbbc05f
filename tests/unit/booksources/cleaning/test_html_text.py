import pytest

from booksources.cleaning.html_text import convert_html_to_text


@pytest.mark.parametrize(
    ("marked", "text"),
    [
        ("<p>One</p><p>Two<br/>Three</p>", "One\nTwo\nThree"),
        ("<![CDATA[<p>One</p>]]>", "One"),
        ("<Title> by Ana", "by Ana"),
        ("<textarea>One", "One"),
        ("<xmp>One</p>", "One"),
        ("<div>One<div>Two</div>Three</div>", "One\nTwo\nThree"),
        ("<ul><li>One</li><li>Two</li></ul>", "One\nTwo"),
        ("<p>Tom &amp; J&#8217;s", "Tom & J\u2019s"),
        ("&lt;p&gt;Tom &amp;amp; J&amp;#8217;s&lt;/p&gt;", "Tom & J\u2019s"),
        ("Tom &amp; J&#x2019;s", "Tom & J\u2019s"),
        ("a <b>bold</b>\n  word", "a bold word"),
        ("<table><tr><td>A</td><td>B</td></tr></table>", "A\nB"),
        ("one<script>alert('x')</script> two<style>p{}</style>", "one two"),
        ("one <!-- two --> three", "one three"),
        ("if x < y and y > z then", "if x < y and y > z then"),
        ("AT&T; R&D", "AT&T; R&D"),
        ("plain\n\n  with   lines\r\nkept", "plain\nwith lines\nkept"),
        ("a\u00a0b", "a b"),
        ("<p>unclosed <i>tag", "unclosed tag"),
        ("", ""),
        ("<p></p>", ""),
    ],
)
def test_markup_becomes_the_text_that_a_browser_shows(marked: str, text: str) -> None:
    assert convert_html_to_text(marked) == text


def test_deeply_nested_markup_is_read_without_recursion() -> None:
    assert convert_html_to_text("<div>" * 5_000 + "deep") == "deep"
