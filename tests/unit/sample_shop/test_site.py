"""The shop walked like a visitor walks it: by following links."""

from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from parsel import Selector

from sample_shop.app import ShopApp, create_app
from sample_shop.shop import Shop

LINKS = "//a/@href | //img/@src | //link/@href"


def walk(client: httpx.Client) -> dict[str, int]:
    """Status by URL of everything that can be reached from the home page."""
    waiting, seen = ["http://shop.test/"], dict[str, int]()
    while waiting:
        url = waiting.pop()
        if url in seen:
            continue
        response = client.get(url)
        seen[url] = response.status_code
        if response.headers["content-type"] == "text/html":
            page = Selector(response.content.decode())
            waiting += [urljoin(url, href) for href in page.xpath(LINKS).getall()]
    return seen


@pytest.mark.parametrize("books", [1, 60])
def test_no_link_is_broken_and_every_book_is_reached(
    books: int, visit: Callable[[ShopApp], httpx.Client]
) -> None:
    client = visit(create_app(Shop(books=books)))
    seen = walk(client)
    truth = {line["url"] for line in map(httpx.Response.json, _lines(client))}
    assert set(seen.values()) == {200}
    assert len(truth) == books
    assert truth <= seen.keys()
    assert {urlsplit(url).netloc for url in seen} == {"shop.test"}


def _lines(client: httpx.Client) -> list[httpx.Response]:
    return [httpx.Response(200, content=line) for line in client.get("/_shop/truth").content.splitlines()]


def test_robots_txt_allows_everything(client: httpx.Client) -> None:
    assert client.get("/robots.txt").text == "User-agent: *\nDisallow:\n"


def test_cover_of_another_book_is_not_found(client: httpx.Client) -> None:
    assert client.get("/media/cache/00/00/" + "0" * 24 + "00ffffff.svg").status_code == 404


def test_charset_is_declared_by_the_page_alone(client: httpx.Client) -> None:
    response = client.get("/")
    assert response.headers["content-type"] == "text/html"
    assert b'content="text/html; charset=UTF-8"' in response.content
