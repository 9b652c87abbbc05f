"""OpenGraph and product tags of a page -> a thing, by the names of schema.org."""

from booksources.schema_org.node import Node
from booksources.web_pages.elements import PageElement

_TYPES = {
    "book": "Book",
    "books.book": "Book",
    "product": "Product",
    "product.item": "Product",
    "og:product": "Product",
}
_NAMES = {
    "og:title": "name",
    "og:description": "description",
    "og:image": "image",
    "og:url": "url",
    "book:isbn": "isbn",
    "books:isbn": "isbn",
    "product:isbn": "isbn",
    "og:isbn": "isbn",
    "book:author": "author",
    "books:author": "author",
    "book:release_date": "datePublished",
    "books:release_date": "datePublished",
    "books:page_count": "numberOfPages",
    "books:language:locale": "inLanguage",
    "product:retailer_item_id": "sku",
    "product:category": "category",
}
_OFFER_NAMES = {
    "product:price:amount": "price",
    "og:price:amount": "price",
    "product:sale_price:amount": "sale_price",
    "product:price:currency": "priceCurrency",
    "og:price:currency": "priceCurrency",
    "product:availability": "availability",
    "og:availability": "availability",
    "product:condition": "itemCondition",
}


def read_meta_tags(page: PageElement) -> dict[str, tuple[str, ...]]:
    """Values of each `property` or `name`, in small letters and in the page's order."""
    found: dict[str, list[str]] = {}
    for meta in page.iter("meta"):
        name = (meta.get("property", "") or meta.get("name", "")).strip().lower()
        content = meta.get("content", "").strip()
        if name and content:
            found.setdefault(name, []).append(content)
    return {name: tuple(values) for name, values in found.items()}


def read_open_graph(tags: dict[str, tuple[str, ...]]) -> Node | None:
    """None for a page that states neither a book nor a product. An author's address is no name."""
    kind = _TYPES.get((tags.get("og:type") or ("",))[0].strip().lower())
    if kind is None:
        return None
    properties: dict[str, tuple[str | Node, ...]] = {}
    for tag, name in _NAMES.items():
        values = tuple(value for value in tags.get(tag, ()) if name != "author" or "://" not in value)
        if values:
            properties.setdefault(name, values)
    offer = {name: tags[tag] for tag, name in _OFFER_NAMES.items() if tag in tags}
    if "sale_price" in offer:
        offer["price"] = offer.pop("sale_price")
    if offer:
        properties["offers"] = (Node(("Offer",), offer),)
    return Node((kind,), properties)
