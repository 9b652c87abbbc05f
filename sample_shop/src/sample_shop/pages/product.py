"""One book's page.

Its "recently viewed" cards are there to be mistaken for the book: they carry prices and ratings too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from sample_shop.pages import frame
from sample_shop.pages.card import (
    FIVE_ICONS,
    STARS,
    build_cover_path,
    format_pounds,
    format_price,
    render_card,
)
from sample_shop.pages.frame import PRODUCT, Crumb
from sample_shop.shelves import Category
from sample_shop.shop import Book


@dataclass(frozen=True, slots=True)
class ProductPage:
    """All that the page prints: the book, where it stands, its blurb (None: no such section) and up to
    six others.
    """

    book: Book
    category: Category
    description: str | None
    others: Sequence[Book]


def render_product_page(product: ProductPage) -> str:
    """A whole page of one book, as HTML."""
    title = product.book.edition.title
    head = frame.render_head(PRODUCT, title, product.description or "")
    return f"""{head}<div class="container-fluid page">
<div class="page_inner">
{frame.render_breadcrumb(_build_crumbs(product))}<div id="messages">
</div>
<div class="content">
<div id="promotions">
</div>
<div id="content_inner">
<article class="product_page"><!-- Start of product page -->
<div class="row">
{_render_gallery(product.book)}{_render_main(product.book)}</div><!-- /row -->
{_render_description(product.description)}{_render_information(product.book)}<section>
    <div id="reviews" class="sub-header">
    </div>
</section>
{_render_recently_viewed(product.others)}</article><!-- End of product page -->
</div>
</div>
</div>
</div>
{frame.FOOTER}"""


def _build_crumbs(product: ProductPage) -> list[Crumb]:
    return [
        Crumb("Home", f"{PRODUCT.root}index.html"),
        Crumb("Books", f"{PRODUCT.category}books_1/index.html"),
        Crumb(product.category.name, PRODUCT.category + frame.build_category_path(product.category)),
        Crumb(product.book.edition.title),
    ]


def _render_gallery(book: Book) -> str:
    source = PRODUCT.root + build_cover_path(book.edition)
    return f"""<div class="col-sm-6">
<div id="product_gallery" class="carousel">
<div class="thumbnail">
<div class="carousel-inner">
<div class="item active">
    <img src="{source}" alt="{frame.escape_html(book.edition.title)}" />
</div>
</div>
</div>
</div>
</div>
"""


def _render_main(book: Book) -> str:
    return f"""<div class="col-sm-6 product_main">
<h1>{frame.escape_html(book.edition.title)}</h1>
{format_price(book)}<p class="instock availability{"" if book.stock else " sold-out"}">
    <i class="icon-ok"></i>
    {format_availability(book)}
</p>
<p class="star-rating {STARS[book.edition.rating]}">
{FIVE_ICONS}</p>
<hr/>
{frame.NOTICE}
</div><!-- /col-sm-6 -->
"""


def format_availability(book: Book) -> str:
    """Printed availability."""
    return f"In stock ({book.stock} available)" if book.stock else "Out of stock"


def _render_description(text: str | None) -> str:
    if text is None:
        return ""
    return f"""<div id="product_description" class="sub-header">
    <h2>About this book</h2>
</div>
<p>{escape(text, quote=False)}</p>
"""


def _render_information(book: Book) -> str:
    return f"""<div class="sub-header">
    <h2>Details</h2>
</div>
<table class="table table-striped">
<tr>
    <th>UPC</th><td>{book.edition.upc}</td>
</tr>
<tr>
    <th>Product Type</th><td>Books</td>
</tr>
<tr>
    <th>Price (excl. tax)</th><td>{format_pounds(book.pence)}</td>
</tr>
<tr>
    <th>Price (incl. tax)</th><td>{format_pounds(book.pence_with_tax)}</td>
</tr>
<tr>
    <th>Tax</th><td>{format_pounds(book.tax)}</td>
</tr>
<tr>
    <th>Availability</th>
    <td>{format_availability(book)}</td>
</tr>
<tr>
    <th>Number of reviews</th>
    <td>{book.edition.reviews}</td>
</tr>
</table>
"""


def _render_recently_viewed(others: Sequence[Book]) -> str:
    if not others:
        return ""
    cards = "".join(render_card(PRODUCT, book) for book in others)
    return f"""<div class="sub-header">
    <h2>You looked at these a moment ago</h2>
</div>
<ul class="row">
{cards}</ul>
"""
