"""Renders the page of an address at a moment, for each request."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files

from sample_shop.addresses import Address, PathKind
from sample_shop.pages import cover, frame, structured
from sample_shop.pages.listing import Listing, render_listing_page
from sample_shop.pages.product import ProductPage, render_product_page
from sample_shop.shop import Moment, Shop

ALL = "Every book we have"
RECENT = 6
HTML = "text/html"  # no charset: only the meta tag declares it, as on the site we follow
ROBOTS = b"User-agent: *\nDisallow:\n"


@dataclass(frozen=True, slots=True)
class Page:
    """A rendered page. `books`: numbers of the books on it, whose last change is its Last-Modified."""

    body: bytes
    media_type: str
    books: Sequence[int] = ()


class Storefront:
    """Renders pages of one shop."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._static = {
            "shop.css": Page(files("sample_shop").joinpath("static/shop.css").read_bytes(), "text/css"),
            "favicon.svg": Page(cover.FAVICON.encode(), "image/svg+xml"),
        }
        self._draw: dict[PathKind, Callable[[Address, Moment], Page | None]] = {
            PathKind.HOME: self._render_home,
            PathKind.CATALOGUE: self._render_catalogue,
            PathKind.ALL_BOOKS: self._render_all_books,
            PathKind.CATEGORY: self._render_category,
            PathKind.PRODUCT: self._render_product,
            PathKind.COVER: self._render_cover,
            PathKind.STATIC: lambda address, _: self._static.get(address.slug),
            PathKind.ROBOTS: lambda _, __: Page(ROBOTS, "text/plain"),
            PathKind.STRUCTURED: self._render_structured,
            PathKind.GIFT: lambda _, __: Page(structured.render_mug_page().encode(), HTML),
            PathKind.SITEMAP: lambda _, __: None,
            PathKind.UNKNOWN: lambda _, __: None,
        }

    def render_page(self, address: Address, moment: Moment) -> Page | None:
        """None for an unknown page: a wrong slug, a page past the last, an unknown book."""
        return self._draw[address.kind](address, moment)

    def _render_home(self, _: Address, moment: Moment) -> Page | None:
        return self._render_all(Listing(frame.HOME, ALL, self._shop.books, 1, "", pager="catalogue/"), moment)

    def _render_catalogue(self, address: Address, moment: Moment) -> Page | None:
        return self._render_all(
            Listing(frame.CATALOGUE, ALL, self._shop.books, address.page, "page-1.html"), moment
        )

    def _render_all_books(self, address: Address, moment: Moment) -> Page | None:
        return self._render_all(
            Listing(frame.ALL_BOOKS, "Books", self._shop.books, address.page, "index.html"), moment
        )

    def _render_all(self, listing: Listing, moment: Moment) -> Page | None:
        return self._render_listing(listing, range(self._shop.books, 0, -1)[listing.span], moment)

    def _render_category(self, address: Address, moment: Moment) -> Page | None:
        category = self._shop.shelves.find_category(address.number)
        if category is None or category.slug != address.slug:
            return None
        books = self._shop.shelves.list_books(category)
        listing = Listing(
            frame.CATEGORY, category.name, len(books), address.page, "index.html", category=category
        )
        return self._render_listing(listing, books[listing.span], moment)

    def _render_listing(self, listing: Listing, numbers: Sequence[int], moment: Moment) -> Page | None:
        if listing.page > listing.pages:
            return None
        books = [self._shop.get_book(number, moment) for number in numbers]
        html = render_listing_page(listing, books, self._shop.shelves.categories)
        return Page(html.encode(), HTML, numbers)

    def _render_product(self, address: Address, moment: Moment) -> Page | None:
        shop, number = self._shop, address.number
        if not 1 <= number <= shop.books or shop.edition(number).slug != address.slug:
            return None
        numbers = range(number, min(number + RECENT, shop.books) + 1)
        book, *others = [shop.get_book(each, moment) for each in numbers]
        product = ProductPage(book, shop.get_category(number), shop.get_description(number), others)
        return Page(render_product_page(product).encode(), HTML, numbers)

    def render_sitemap(self, base: str) -> Page:
        """Addresses of the structured pages; `base` is the shop's own, without a slash at its end."""
        editions = map(self._shop.edition, range(1, self._shop.books + 1))
        paths = [f"/books/{edition.slug}-{edition.number}" for edition in editions]
        return Page(structured.render_sitemap(base, [*paths, "/gifts/mug"]).encode(), "application/xml")

    def _render_structured(self, address: Address, moment: Moment) -> Page | None:
        shop, number = self._shop, address.number
        if not 1 <= number <= shop.books or shop.edition(number).slug != address.slug:
            return None
        book = shop.get_book(number, moment)
        product = ProductPage(book, shop.get_category(number), shop.get_description(number), ())
        return Page(structured.render_structured_page(product, shop.seed).encode(), HTML, (number,))

    def _render_cover(self, address: Address, _: Moment) -> Page | None:
        if not 1 <= address.number <= self._shop.books:
            return None
        return Page(cover.render_cover(self._shop.edition(address.number)).encode(), "image/svg+xml")


def render_product(shop: Shop, number: int, moment: Moment) -> bytes:
    """Page of one book as the server sends it. Raises: ValueError for an unknown book."""
    if not 1 <= number <= shop.books:
        raise ValueError(f"no book {number}: this shop holds books 1 to {shop.books}")
    address = Address(PathKind.PRODUCT, number, shop.edition(number).slug)
    page = Storefront(shop).render_page(address, moment)
    assert page is not None
    return page.body
