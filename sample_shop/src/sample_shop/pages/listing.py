"""Pages of twenty cards: the home page, the whole catalogue, the shelf of all books and each category."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from sample_shop.pages import frame
from sample_shop.pages.card import render_card
from sample_shop.pages.frame import Crumb, LinkPrefixes
from sample_shop.shelves import Category
from sample_shop.shop import Book

CARDS = 20


@dataclass(frozen=True, slots=True)
class Listing:
    """`pager` is the href prefix of sibling pages, `first_page` the name of page 1 among them; pages
    count from 1.
    """

    place: LinkPrefixes
    heading: str
    total: int
    page: int
    first_page: str
    pager: str = ""
    category: Category | None = None

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // CARDS))

    @property
    def span(self) -> slice:
        """Which of the listing's books, newest first, stand on this page."""
        return slice((self.page - 1) * CARDS, min(self.page * CARDS, self.total))


def render_listing_page(listing: Listing, books: Sequence[Book], categories: Sequence[Category]) -> str:
    """A whole page of up to 20 cards, as HTML."""
    place = listing.place
    cards = "".join(render_card(place, book) for book in books)
    return f"""{frame.render_head(place, listing.heading)}<div class="container-fluid page">
<div class="page_inner">
{frame.render_breadcrumb(_build_crumbs(listing))}<div class="row">
{frame.render_side_bar(place, categories, listing.category)}<div class="col-sm-8 col-md-9">
<div class="page-header action">
    <h1>{escape(listing.heading)}</h1>
</div>
<div id="messages">
</div>
<div id="promotions">
</div>
<form method="get" class="form-horizontal">
    <div style="display:none">
    </div>
    {_render_count(listing)}
</form>
<section>
{frame.NOTICE}
<div>
<ol class="row">
{cards}</ol>
{_render_pager(listing)}</div>
</section>
</div>
</div><!-- /row -->
</div><!-- /page_inner -->
</div><!-- /container-fluid -->
{frame.FOOTER}"""


def _build_crumbs(listing: Listing) -> list[Crumb]:
    home = Crumb("Home", f"{listing.place.root}index.html")
    if listing.category is None:
        return [home, Crumb(listing.heading)]
    return [home, Crumb("Books", f"{listing.place.category}books_1/index.html"), Crumb(listing.heading)]


def _render_count(listing: Listing) -> str:
    if listing.pages == 1:
        return f"<strong>{listing.total}</strong> results."
    first, last = listing.span.start + 1, listing.span.stop
    shown = f"<strong>{first}</strong> to <strong>{last}</strong>"
    return f"<strong>{listing.total}</strong> results - showing {shown}."


def _render_pager(listing: Listing) -> str:
    if listing.pages == 1:
        return ""
    before = f'<li class="previous"><a href="{_build_href(listing, listing.page - 1)}">previous</a></li>\n'
    after = f'<li class="next"><a href="{_build_href(listing, listing.page + 1)}">next</a></li>\n'
    return f"""<div>
<ul class="pager">
{before if listing.page > 1 else ""}<li class="current">
    Page {listing.page} of {listing.pages}
</li>
{after if listing.page < listing.pages else ""}</ul>
</div>
"""


def _build_href(listing: Listing, page: int) -> str:
    return listing.pager + (listing.first_page if page == 1 else f"page-{page}.html")
