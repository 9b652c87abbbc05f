"""One book as a card, and the pieces that cards and the product page print alike."""

from sample_shop.pages.frame import LinkPrefixes, escape_html
from sample_shop.shop import Book, Edition
from sample_shop.text.writing import shorten_title

STARS = ("Zero", "One", "Two", "Three", "Four", "Five")
FIVE_ICONS = '    <i class="icon-star"></i>\n' * 5


def render_card(place: LinkPrefixes, book: Book) -> str:
    """A card's title is cut to four words; only its `title` attribute has all of it."""
    edition = book.edition
    title = escape_html(edition.title)
    href = f"{place.catalogue}{edition.slug}_{edition.number}/index.html"
    source = place.root + build_cover_path(edition)
    return f"""<li class="col-xs-6 col-sm-4 col-md-3 col-lg-3">
<article class="product_pod">
<div class="image_container">
    <a href="{href}"><img src="{source}" alt="{title}" class="thumbnail" loading="lazy"></a>
</div>
<p class="star-rating {STARS[edition.rating]}">
{FIVE_ICONS}</p>
<h3><a href="{href}" title="{title}">{escape_html(shorten_title(edition.title))}</a></h3>
<div class="product_price">
{format_price(book)}<p class="instock availability{"" if book.stock else " sold-out"}">
    <i class="icon-ok"></i>
    {"In stock" if book.stock else "Out of stock"}
</p>
<form>
    <button type="submit" class="btn btn-primary btn-block">Put in the basket</button>
</form>
</div>
</article>
</li>
"""


def format_price(book: Book) -> str:
    """What the book costs with tax: the price that listings and the page's head show."""
    return f'<p class="price_color">{format_pounds(book.pence_with_tax)}</p>\n'


def format_pounds(pence: int) -> str:
    """5177 -> "£51.77"."""
    return f"£{format_decimal(pence)}"


def format_decimal(pence: int) -> str:
    """5177 -> "51.77"."""
    return f"{pence // 100}.{pence % 100:02d}"


def build_product_path(edition: Edition) -> str:
    """From the root, without the leading slash."""
    return f"catalogue/{edition.slug}_{edition.number}/index.html"


def build_cover_path(edition: Edition) -> str:
    """From the root; the last eight hex digits are the book's number, so that the picture can be drawn
    when asked for.
    """
    name = f"{edition.upc[::-1]}{edition.upc[:8]}{edition.number:08x}"
    return f"media/cache/{name[:2]}/{name[2:4]}/{name}.svg"
