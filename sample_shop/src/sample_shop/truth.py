"""What is true of each book at one moment, for tests to hold their own findings against."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from sample_shop.pages.card import decimal, product_path
from sample_shop.shop import Moment, Shop
from sample_shop.timeline import Change

BATCH = 200


@dataclass(frozen=True, slots=True)
class Truth:
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
class ChangeMade:
    """`field` is the key in the truth; `before` and `after` are written as there."""

    upc: str
    url: str
    field: str
    before: str | int
    after: str | int


def truth_of(shop: Shop, number: int, moment: Moment, *, base: str) -> Truth:
    """`base` is scheme and host with a slash at the end."""
    book = shop.book(number, moment)
    return Truth(
        upc=book.edition.upc,
        url=base + product_path(book.edition),
        title=book.edition.title,
        category=shop.category_of(number).name,
        rating=book.edition.rating,
        price_excl_tax=decimal(book.pence),
        price_incl_tax=decimal(book.pence_with_tax),
        tax=decimal(book.tax),
        stock=book.stock,
        num_reviews=book.edition.reviews,
        product_type="Books",
        description=shop.description(number),
    )


def truth_lines(shop: Shop, moment: Moment, *, base: str) -> Iterator[bytes]:
    """JSON Lines of all books, a few hundred lines at a time."""
    for first in range(1, shop.books + 1, BATCH):
        numbers = range(first, min(first + BATCH, shop.books + 1))
        yield b"".join(_line(truth_of(shop, number, moment, base=base)) for number in numbers)


def _line(truth: Truth) -> bytes:
    return json.dumps(asdict(truth), ensure_ascii=False).encode() + b"\n"


def change_made(shop: Shop, change: Change, *, base: str) -> ChangeMade:
    """The record of a change, prices as decimal text in pounds."""
    edition = shop.edition(change.number)
    is_price = change.field != "stock"
    return ChangeMade(
        upc=edition.upc,
        url=base + product_path(edition),
        field=change.field,
        before=decimal(change.before) if is_price else change.before,
        after=decimal(change.after) if is_price else change.after,
    )
