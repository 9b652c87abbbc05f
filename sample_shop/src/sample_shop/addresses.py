"""Parses paths into addresses of pages.

The layout is that of books.toscrape.com; a path it does not know is None, hence 404.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class PathKind(StrEnum):
    """What the request counts are kept by."""

    HOME = "home"
    CATALOGUE = "catalogue"
    ALL_BOOKS = "all-books"
    CATEGORY = "category"
    PRODUCT = "product"
    COVER = "cover"
    STATIC = "static"
    ROBOTS = "robots"
    STRUCTURED = "structured"
    GIFT = "gift"
    SITEMAP = "sitemap"
    UNKNOWN = "unknown"


LISTINGS = (PathKind.HOME, PathKind.CATALOGUE, PathKind.ALL_BOOKS, PathKind.CATEGORY)
HTML = (*LISTINGS, PathKind.PRODUCT, PathKind.STRUCTURED)


@dataclass(frozen=True, slots=True)
class Address:
    """`number` is the book's or the category's, `slug` what the path writes before it, `page` counts
    from 1.
    """

    kind: PathKind
    number: int = 0
    slug: str = ""
    page: int = 1


PAGE = r"(?:index|page-([1-9]\d{0,5}))\.html"
PATTERNS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Address]], ...] = (
    (
        re.compile(r"/catalogue/([a-z0-9-]+)_(\d{1,6})/index\.html"),
        lambda found: Address(PathKind.PRODUCT, int(found[2]), found[1]),
    ),
    (
        re.compile(rf"/catalogue/category/books/([a-z0-9-]+)_(\d{{1,6}})/{PAGE}"),
        lambda found: Address(PathKind.CATEGORY, int(found[2]), found[1], int(found[3] or 1)),
    ),
    (
        re.compile(r"/catalogue/page-([1-9]\d{0,5})\.html"),
        lambda found: Address(PathKind.CATALOGUE, page=int(found[1])),
    ),
    (
        re.compile(rf"/catalogue/category/books_1/{PAGE}"),
        lambda found: Address(PathKind.ALL_BOOKS, page=int(found[1] or 1)),
    ),
    (
        re.compile(r"/media/cache/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{24}([0-9a-f]{8})\.svg"),
        lambda found: Address(PathKind.COVER, int(found[1], 16)),
    ),
    (re.compile(r"/index\.html"), lambda _: Address(PathKind.HOME)),
    (
        re.compile(r"/books/([a-z0-9-]+)-(\d{1,6})"),
        lambda found: Address(PathKind.STRUCTURED, int(found[2]), found[1]),
    ),
    (re.compile(r"/gifts/mug"), lambda _: Address(PathKind.GIFT)),
    (re.compile(r"/sitemap\.xml"), lambda _: Address(PathKind.SITEMAP)),
    (re.compile(r"/robots\.txt"), lambda _: Address(PathKind.ROBOTS)),
    (re.compile(r"/static/(.+)"), lambda found: Address(PathKind.STATIC, slug=found[1])),
)
NOWHERE = Address(PathKind.UNKNOWN)


def parse_path(path: str) -> Address:
    """A folder stands for its index.html."""
    full = path + "index.html" if path.endswith("/") else path
    for pattern, read in PATTERNS:
        if found := pattern.fullmatch(full):
            return read(found)
    return NOWHERE
