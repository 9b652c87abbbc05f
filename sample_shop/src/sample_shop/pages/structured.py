"""Pages that state what they sell in the vocabulary of schema.org, as most shops do today."""

import json
from collections.abc import Mapping
from html import escape

from sample_shop.chance import derive_bits
from sample_shop.pages import frame
from sample_shop.pages.card import build_cover_path
from sample_shop.pages.product import ProductPage

FIRST_NAMES = ("Ada", "Bohumil", "Chioma", "Dag", "Elif", "Fadila", "Gunnar", "Hana")
LAST_NAMES = ("Okafor", "Lindqvist", "Moreau", "Novak", "Abara", "Castellan", "Tanaka", "Weir")
TERM = "https://schema.org/"
MUG = {
    "@context": "https://schema.org",
    "@type": "Product",
    "name": "A mug with the harbour on it",
    "sku": "MUG-1",
    "offers": {"@type": "Offer", "price": "7.50", "priceCurrency": "GBP", "availability": f"{TERM}InStock"},
}


def build_isbn(seed: int, number: int) -> str:
    """An ISBN-13 with a right check digit, made up from the seed."""
    digits = f"978{derive_bits(seed, 'isbn', number) % 10**9:09d}"
    total = sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def build_author(seed: int, number: int) -> str:
    """A made-up name."""
    bits = derive_bits(seed, "author", number)
    return f"{FIRST_NAMES[bits % 8]} {LAST_NAMES[bits // 8 % 8]}"


def render_structured_page(product: ProductPage, seed: int) -> str:
    """A book's page with JSON-LD; the text for people has no structure to rely on."""
    edition = product.book.edition
    thing = {
        "@context": "https://schema.org",
        "@type": ["Product", "Book"],
        "name": escape(edition.title),
        "sku": edition.upc,
        "isbn": build_isbn(seed, edition.number),
        "author": {"@type": "Person", "name": build_author(seed, edition.number)},
        "genre": product.category.name,
        "description": product.description or "",
        "image": f"/{build_cover_path(edition)}",
        "inLanguage": "en",
        "aggregateRating": {
            "@type": "AggregateRating",
            "ratingValue": edition.rating,
            "reviewCount": edition.reviews,
        },
        "offers": {
            "@type": "Offer",
            "price": f"{product.book.pence_with_tax / 100:.2f}",
            "priceCurrency": "GBP",
            "availability": TERM + ("InStock" if product.book.stock else "OutOfStock"),
            "itemCondition": f"{TERM}NewCondition",
        },
    }
    return _render_page(edition.title, f"/books/{edition.slug}-{edition.number}", thing)


def render_mug_page() -> str:
    """A product that is no book."""
    return _render_page(str(MUG["name"]), "/gifts/mug", MUG)


def _render_page(title: str, path: str, thing: Mapping[str, object]) -> str:
    """`</` would end the script."""
    text = json.dumps(thing, ensure_ascii=False).replace("</", "<\\/")
    return f"""<!DOCTYPE html>
<html lang="en-GB"><head><meta charset="utf-8"><title>{escape(title)} | {frame.NAME}</title>
<link rel="canonical" href="{path}">
<script type="application/ld+json">{text}</script>
</head><body><main><h1>{escape(title)}</h1><p>{frame.MOTTO}</p></main></body></html>
"""


def render_sitemap(base: str, paths: list[str]) -> str:
    """`base`: address of the shop without a slash at its end."""
    entries = "".join(f"<url><loc>{escape(base + path)}</loc></url>\n" for path in paths)
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="{space}">\n{entries}</urlset>\n'
