"""Page objects of books.toscrape.com.

A book's page also shows up to six cards of other books with prices, so all fields are read from the product's
own block and table. Only the book's page prints the stock number and the UPC.
"""

from bookcore.domain.normalise import PrintedBook
from scraper.sources.page_objects import (
    PageElement,
    PageLinks,
    find_base,
    is_complete,
    parse_html,
    read_text,
    resolve_link,
)


class ToscrapeBookPage:
    """Page of one book."""

    def __init__(self, html: bytes, url: str) -> None:
        self.is_complete = is_complete(html)
        self._page = parse_html(html)
        self._base = find_base(self._page, html, url)
        self._product = self._page.find(".//article[@class='product_page']")
        self._table = _read_table(self._product)

    @property
    def source_id(self) -> str | None:
        """The UPC; titles aren't unique."""
        return self._table.get("UPC")

    def to_item(self) -> PrintedBook:
        """Stripped, uninterpreted text; None for a missing element."""
        main = _find_main(self._product)
        return PrintedBook(
            title=read_text(_find_first(main, "h1")),
            category=self._read_category(),
            rating=_read_rating(_find_first(main, "p", "star-rating")),
            price=read_text(_find_first(main, "p", "price_color")),
            availability=read_text(_find_first(main, "p", "availability")),
            upc=self.source_id,
            description=self._read_description(),
            image_url=self._read_image_url(),
            price_excl_tax=self._table.get("Price (excl. tax)"),
            tax=self._table.get("Tax"),
            reviews=self._table.get("Number of reviews"),
            product_type=self._table.get("Product Type"),
        )

    def _read_category(self) -> str | None:
        """Third link of the breadcrumb."""
        links = self._page.findall(".//ul[@class='breadcrumb']/li/a")
        return read_text(links[2]) if len(links) > 2 else None

    def _read_description(self) -> str | None:
        """Paragraph after its heading; two books of the site have neither."""
        heading = None if self._product is None else self._product.find("div[@id='product_description']")
        paragraph = None if heading is None else heading.getnext()
        return read_text(paragraph) if paragraph is not None and paragraph.tag == "p" else None

    def _read_image_url(self) -> str | None:
        path = ".//div[@id='product_gallery']//img"
        image = None if self._product is None else self._product.find(path)
        source = None if image is None else image.get("src", "")
        return resolve_link(self._base, source) if source else None


class ToscrapeListPage:
    """Home page, catalogue or category: cards, a pager, and categories in the side bar."""

    def __init__(self, html: bytes, url: str) -> None:
        self.is_complete = is_complete(html)
        self._page = parse_html(html)
        self._base = find_base(self._page, html, url)

    def list_links(self) -> PageLinks:
        """The pager of a page without cards isn't followed, which ends an endless pager."""
        books = self._page.findall(".//article[@class='product_pod']/h3/a")
        listings = self._page.findall(".//div[@class='side_categories']//a")
        if books:
            listings += self._page.findall(".//ul[@class='pager']/li/a")
        return PageLinks(listings=self._resolve_links(listings), books=self._resolve_links(books))

    @property
    def total(self) -> int | None:
        """First number of "1000 results"."""
        printed = read_text(self._page.find(".//form[@class='form-horizontal']/strong")) or ""
        return int(printed) if printed.isascii() and printed.isdecimal() and len(printed) < 10 else None

    def _resolve_links(self, links: list[PageElement]) -> tuple[str, ...]:
        found = (resolve_link(self._base, link.get("href", "")) for link in links)
        return tuple(dict.fromkeys(address for address in found if address))


def _read_table(product: PageElement | None) -> dict[str, str]:
    rows = [] if product is None else product.findall("table//tr")
    cells = [{cell.tag: cell for cell in reversed(list(row))} for row in rows]
    texts = ((read_text(row.get("th")), read_text(row.get("td"))) for row in cells)
    return {name: value for name, value in texts if name and value}


def _find_main(product: PageElement | None) -> PageElement | None:
    blocks = [] if product is None else product.findall("div/div")
    return next((block for block in blocks if "product_main" in block.get("class", "").split()), None)


def _find_first(main: PageElement | None, tag: str, marked: str = "") -> PageElement | None:
    """First child with the tag and, if given, the class."""
    found = [] if main is None else main.findall(tag)
    return next((each for each in found if not marked or marked in each.get("class", "").split()), None)


def _read_rating(stars: PageElement | None) -> str | None:
    """Class beside `star-rating`, for example Three."""
    classes = [] if stars is None else stars.get("class", "").split()
    return next((word for word in classes if word != "star-rating"), None)
