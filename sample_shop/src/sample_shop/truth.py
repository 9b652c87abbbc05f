"""Expected data of each book at one moment, for comparison in tests."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from sample_shop.pages.card import build_product_path, format_decimal
from sample_shop.shop import Moment, Shop
from sample_shop.timeline import Change

BATCH = 200


@dataclass(frozen=True, slots=True)
class BookTruth:
    """Prices are decimal text in pounds, `description` is unescaped text or None, `url` is absolute."""

    upc: str
    url: str
    title: str
    category: str
    rating: int
    price_excl_tax: str
    price_incl_tax: str
    tax: str
    stock: int
    num_reviews: int
    product_type: str
    description: str | None


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """`field` is the key in the truth; `before` and `after` are written as there."""

    upc: str
    url: str
    field: str
    before: str | int
    after: str | int


def build_truth(shop: Shop, number: int, moment: Moment, *, base: str) -> BookTruth:
    """`base` is scheme and host with a slash at the end."""
    book = shop.get_book(number, moment)
    return BookTruth(
        upc=book.edition.upc,
        url=base + build_product_path(book.edition),
        title=book.edition.title,
        category=shop.get_category(number).name,
        rating=book.edition.rating,
        price_excl_tax=format_decimal(book.pence),
        price_incl_tax=format_decimal(book.pence_with_tax),
        tax=format_decimal(book.tax),
        stock=book.stock,
        num_reviews=book.edition.reviews,
        product_type="Books",
        description=shop.get_description(number),
    )


def iterate_truth_lines(shop: Shop, moment: Moment, *, base: str) -> Iterator[bytes]:
    """JSON Lines of all books, a few hundred lines at a time."""
    for first in range(1, shop.books + 1, BATCH):
        numbers = range(first, min(first + BATCH, shop.books + 1))
        yield b"".join(_format_line(build_truth(shop, number, moment, base=base)) for number in numbers)


def _format_line(truth: BookTruth) -> bytes:
    return json.dumps(asdict(truth), ensure_ascii=False).encode() + b"\n"


def build_change_record(shop: Shop, change: Change, *, base: str) -> ChangeRecord:
    """The record of a change, prices as decimal text in pounds."""
    edition = shop.edition(change.number)
    is_price = change.field != "stock"
    return ChangeRecord(
        upc=edition.upc,
        url=base + build_product_path(edition),
        field=change.field,
        before=format_decimal(change.before) if is_price else change.before,
        after=format_decimal(change.after) if is_price else change.after,
    )
