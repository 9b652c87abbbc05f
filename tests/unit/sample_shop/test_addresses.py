"""Which paths the shop knows."""

import pytest

from sample_shop.addresses import NOWHERE, Address, PathKind, parse_path


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/", Address(PathKind.HOME)),
        ("/index.html", Address(PathKind.HOME)),
        ("/catalogue/page-3.html", Address(PathKind.CATALOGUE, page=3)),
        ("/catalogue/category/books_1/index.html", Address(PathKind.ALL_BOOKS)),
        ("/catalogue/category/books_1/page-2.html", Address(PathKind.ALL_BOOKS, page=2)),
        ("/catalogue/category/books/night-sky_6/page-2.html", Address(PathKind.CATEGORY, 6, "night-sky", 2)),
        ("/catalogue/a-book_12/index.html", Address(PathKind.PRODUCT, 12, "a-book")),
        ("/catalogue/a-book_12/", Address(PathKind.PRODUCT, 12, "a-book")),
        ("/robots.txt", Address(PathKind.ROBOTS)),
    ],
)
def test_known_path_has_an_address(path: str, address: Address) -> None:
    assert parse_path(path) == address


@pytest.mark.parametrize(
    "path",
    [
        "/catalogue/page-0.html",
        "/catalogue/page-9999999.html",
        "/catalogue/a_b/index.html",
        "/x",
        "",
        "/../etc",
    ],
)
def test_any_other_path_is_unknown(path: str) -> None:
    assert parse_path(path) == NOWHERE
