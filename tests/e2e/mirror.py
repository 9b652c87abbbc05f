"""The copy of the real site, and the table that says what stands on its pages."""

import gzip
import json
import tarfile
from decimal import Decimal
from pathlib import Path

Row = dict[str, object]
FIELDS = (
    *("upc", "title", "category", "rating", "price_excl_tax", "price_incl_tax", "tax", "currency", "stock"),
    *("num_reviews", "product_type", "description"),
)


def unpack_site(shared_data: Path, folder: Path) -> Path:
    """All 1,181 pages as files below the folder."""
    with tarfile.open(shared_data / "books_toscrape_site" / "site_mirror_1181_pages.tar.gz") as mirror:
        mirror.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 or newer
        mirror.extractall(folder)
    return folder


def read_table(shared_data: Path) -> dict[str, Row]:
    """The truth by UPC."""
    lines = gzip.decompress((shared_data / "books_toscrape_table" / "books_1000.jsonl.gz").read_bytes())
    rows = [json.loads(line, parse_float=Decimal) for line in lines.splitlines()]
    return {str(row["upc"]): {name: row[name] for name in FIELDS} for row in rows}


def to_row(book: dict[str, object]) -> Row:
    """A book of the export in the columns of the table."""
    price, stock, more, ids = (book[n] for n in ("price", "availability", "attributes", "identifiers"))
    assert isinstance(price, dict)
    assert isinstance(stock, dict)
    assert isinstance(more, dict)
    assert isinstance(ids, dict)
    return {
        "upc": ids["upc"],
        "title": book["title"],
        "category": book["category"],
        "rating": book["rating"],
        "price_excl_tax": Decimal(more["price_excl_tax"]),
        "price_incl_tax": Decimal(price["amount"]),
        "tax": Decimal(more["tax"]),
        "currency": price["currency"],
        "stock": stock["quantity"],
        "num_reviews": more["reviews"],
        "product_type": more["product_type"],
        "description": book["description"] or "",
    }
