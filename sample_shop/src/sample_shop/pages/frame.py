"""What all pages share: the head, the header, the side bar, and how far a page is from the root (all
links are relative).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from sample_shop.shelves import Category

NAME = "The Paper Harbour"
MOTTO = "books for slow evenings"
NOTICE = (
    '<div class="alert alert-warning" role="alert"><strong>Note!</strong> This is a pretend shop: '
    "books, prices and ratings are made up by a program, and nothing here can be bought.</div>"
)


@dataclass(frozen=True, slots=True)
class LinkPrefixes:
    """Prefixes of relative links: to the root, to `/catalogue/` and to `/catalogue/category/`."""

    root: str
    catalogue: str
    category: str


HOME = LinkPrefixes("", "catalogue/", "catalogue/category/")
CATALOGUE = LinkPrefixes("../", "", "category/")
PRODUCT = LinkPrefixes("../../", "../", "../category/")
ALL_BOOKS = LinkPrefixes("../../../", "../../", "../")
CATEGORY = LinkPrefixes("../../../../", "../../../", "../../")


@dataclass(frozen=True, slots=True)
class Crumb:
    """One step of the breadcrumb; the last one has no link."""

    text: str
    href: str = ""


def render_head(place: LinkPrefixes, title: str, description: str = "") -> str:
    """From the doctype to the header.

    The charset is declared here and, as on the site we follow, nowhere else.
    """
    return f"""<!DOCTYPE html>
<!--[if gt IE 8]><!--> <html lang="en" class="no-js"> <!--<![endif]-->
    <head>
        <title>
    {escape_html(title)} | {NAME}
</title>
        <meta http-equiv="content-type" content="text/html; charset=UTF-8" />
        <meta name="created" content="1st Mar 2024 09:00" />
        <meta name="description" content="
    {escape(description)}
" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <link rel="shortcut icon" href="{place.root}static/favicon.svg" />
        <link rel="stylesheet" type="text/css" href="{place.root}static/shop.css" />
    </head>
    <body id="default" class="default">
    <header class="header container-fluid">
        <div class="page_inner">
            <div class="row">
                <div class="col-sm-8 h1"><a href="{place.root}index.html">{NAME}</a><small> {MOTTO}</small>
</div>
            </div>
        </div>
    </header>
"""


@lru_cache(maxsize=8192)
def escape_html(text: str) -> str:
    """Titles and category names come back on card after card; escaping is the dearest part of one."""
    return escape(text)


def render_breadcrumb(crumbs: Sequence[Crumb]) -> str:
    """The last crumb is where the reader stands and has no link."""
    *steps, here = crumbs
    links = "".join(f'<li>\n<a href="{step.href}">{escape_html(step.text)}</a>\n</li>\n' for step in steps)
    return f'<ul class="breadcrumb">\n{links}<li class="active">{escape_html(here.text)}</li>\n</ul>\n'


def render_side_bar(place: LinkPrefixes, categories: Sequence[Category], chosen: Category | None) -> str:
    """Every category with a link; the chosen one in bold."""
    shelves = "".join(_render_category(place, category, chosen) for category in categories)
    return f"""<aside class="sidebar col-sm-4 col-md-3">
<div id="promotions_left">
</div>
<div class="side_categories">
<ul class="nav nav-list">
<li>
<a href="{place.category}books_1/index.html">
    Books
</a>
<ul>
{shelves}</ul></li>
</ul>
</div>
</aside>
"""


def _render_category(place: LinkPrefixes, category: Category, chosen: Category | None) -> str:
    name = escape_html(category.name)
    label = f"<strong>{name}</strong>" if category is chosen else name
    return f'<li>\n<a href="{place.category}{build_category_path(category)}">\n    {label}\n</a>\n</li>\n'


def build_category_path(category: Category) -> str:
    """Below `/catalogue/category/`."""
    return f"books/{category.slug}_{category.number}/index.html"


FOOTER = f"""<footer class="footer container-fluid">
<p>{NAME} is a demonstration shop. Its keepers are imaginary.</p>
</footer>
    </body>
</html>
"""
