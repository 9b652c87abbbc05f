"""What a spider finds on a page of cards."""

import httpx
from parsel import Selector


def page(client: httpx.Client, path: str) -> Selector:
    return Selector(client.get(path).content.decode())


def test_page_counts_its_results(client: httpx.Client) -> None:
    counts = page(client, "/catalogue/page-2.html").css("form.form-horizontal strong::text").getall()
    assert counts == ["60", "21", "40"]


def test_single_page_counts_without_a_span(client: httpx.Client) -> None:
    shelf = page(client, "/catalogue/category/books/small-islands_8/index.html")
    assert len(shelf.css("form.form-horizontal strong")) == 1
    assert not shelf.css("ul.pager")


def test_pager_links_to_next_and_previous_page(client: httpx.Client) -> None:
    first, middle, last = (page(client, f"/catalogue/page-{n}.html").css("ul.pager") for n in (1, 2, 3))
    assert [bool(pager.css("li.previous a")) for pager in (first, middle, last)] == [False, True, True]
    assert [bool(pager.css("li.next a")) for pager in (first, middle, last)] == [True, True, False]


def test_first_page_of_a_category_is_its_index(client: httpx.Client) -> None:
    pager = page(client, "/catalogue/category/books/harbour-mysteries_2/page-2.html").css("ul.pager")
    assert pager.css("li.previous a::attr(href)").get() == "index.html"


def test_long_title_is_cut_on_its_card_and_whole_in_its_attribute(client: httpx.Client) -> None:
    links = page(client, "/").css("article.product_pod h3 a")
    cut = [link for link in links if link.css("::text").get("").endswith(" ...")]
    assert cut
    assert all(len(link.css("::text").get("").split()) == 5 for link in cut)
    assert all(len(link.attrib["title"].split()) > 4 for link in cut)


def test_side_bar_names_every_category_and_marks_the_chosen_one(client: httpx.Client) -> None:
    shelf = page(client, "/catalogue/category/books/maps-wayfinding_4/index.html")
    assert len(shelf.css(".side_categories ul li ul li a")) == 12
    assert shelf.css(".side_categories strong::text").getall() == ["Maps & Wayfinding"]
