"""What a page object finds on a product page."""

import pytest
from parsel import Selector

from sample_shop.shop import Moment, Shop
from sample_shop.storefront import render_product

SHOP = Shop()
TAXED, WITHOUT_BLURB, OUT_OF_STOCK = 3, 5, 6


def rows(page: Selector) -> list[tuple[str, str]]:
    return [
        (row.css("th::text").get(""), row.css("td::text").get("")) for row in page.css(".table-striped tr")
    ]


def product(number: int) -> Selector:
    return Selector(render_product(SHOP, number, Moment()).decode())


def test_information_table_equals_the_truth() -> None:
    assert rows(product(TAXED)) == [
        ("UPC", SHOP.edition(TAXED).upc),
        ("Product Type", "Books"),
        ("Price (excl. tax)", "£27.47"),
        ("Price (incl. tax)", "£32.96"),
        ("Tax", "£5.49"),
        ("Availability", "In stock (11 available)"),
        ("Number of reviews", "7"),
    ]


@pytest.mark.parametrize("number", [1, 2, 7, 12])
def test_main_part_shows_title_price_rating_and_picture(number: int) -> None:
    main = product(number).css("article.product_page")
    assert main.css(".product_main h1::text").get() == SHOP.edition(number).title
    assert main.css(".product_main .price_color::text").re_first(r"^£\d+\.\d\d$")
    assert len(main.css(".product_main p.star-rating i.icon-star")) == 5
    assert main.css("#product_gallery img::attr(src)").re_first(r"^\.\./\.\./media/cache/")


@pytest.mark.parametrize("number", range(1, 5))
def test_description_survives_escaping(number: int) -> None:
    page = product(number)
    assert page.xpath("//*[@id='product_description']/following-sibling::p[1]/text()").get() == (
        SHOP.get_description(number)
    )
    assert page.css("meta[name=description]::attr(content)").get("").strip() == SHOP.get_description(number)


def test_book_without_description_has_no_such_section() -> None:
    assert not product(WITHOUT_BLURB).css("#product_description")


def test_sold_out_book_is_marked() -> None:
    page = product(OUT_OF_STOCK)
    assert "Out of stock" in page.css(".product_main p.instock.availability").get("")
    assert ("Availability", "Out of stock") in rows(page)


def test_breadcrumb_contains_home_and_category() -> None:
    crumbs = product(1).css("ul.breadcrumb li")
    assert [crumb.css("a::text").get() for crumb in crumbs][:3] == [
        "Home",
        "Books",
        SHOP.get_category(1).name,
    ]
    assert crumbs[3].css("::text").get() == SHOP.edition(1).title


def test_page_shows_six_other_books_with_their_prices() -> None:
    links = product(10).css("article.product_pod h3 a::attr(title)").getall()
    assert links == [SHOP.edition(number).title for number in range(11, 17)]


def test_newest_book_shows_no_other_books() -> None:
    assert not product(60).css("article.product_pod")


def test_unknown_book_has_no_page() -> None:
    with pytest.raises(ValueError, match="books 1 to 60"):
        render_product(SHOP, 61, Moment())
