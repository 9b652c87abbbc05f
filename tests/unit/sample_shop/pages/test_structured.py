"""Pages with JSON-LD, and the sitemap that names them."""

import json
import re

from sample_shop.addresses import parse_path
from sample_shop.pages.structured import build_isbn
from sample_shop.shop import Moment, Shop
from sample_shop.storefront import Storefront

_SHOP = Shop(books=5, seed=1)


def read_thing(path: str) -> dict[str, object]:
    page = Storefront(_SHOP).render_page(parse_path(path), Moment())
    assert page is not None
    found = re.search(rb'ld\+json">(.*?)</script>', page.body)
    assert found is not None
    thing: dict[str, object] = json.loads(found[1])
    return thing


def test_page_states_the_book_of_its_number() -> None:
    edition = _SHOP.edition(3)
    thing = read_thing(f"/books/{edition.slug}-3")
    assert (thing["sku"], thing["isbn"]) == (edition.upc, build_isbn(1, 3))


def test_mug_is_no_book() -> None:
    assert read_thing("/gifts/mug")["@type"] == "Product"


def test_page_of_another_slug_is_not_found() -> None:
    assert Storefront(_SHOP).render_page(parse_path("/books/another-3"), Moment()) is None


def test_isbn_has_a_right_check_digit() -> None:
    digits = build_isbn(1, 3)
    assert sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(digits)) % 10 == 0


def test_sitemap_names_every_structured_page() -> None:
    addresses = re.findall(
        rb"<loc>http://a:1(.*?)</loc>", Storefront(_SHOP).render_sitemap("http://a:1").body
    )
    assert len(addresses) == 6
    pages = [Storefront(_SHOP).render_page(parse_path(each.decode()), Moment()) for each in addresses]
    assert all(pages)
