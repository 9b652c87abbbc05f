"""Request and response models of the books API. Books have the shape of the state topic."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from bookcore.catalogue import CategoryCount, PricePeriod, Statistics, UnpricedCount, Withdrawal
from bookcore.domain.book import Availability, AvailabilityStatus, Book, Money, Rating
from bookcore.domain.details import NO_DETAILS, Details
from bookcore.domain.errors import Invalid
from bookcore.events.book import BookState, Price
from bookcore.kit.openapi import NextCursor, deprecate

Amount = Annotated[str, Field(pattern=r"^\d{1,9}(\.\d{1,4})?$", examples=["51.77"])]
Text = Annotated[str, Field(min_length=1, max_length=1_000)]


class _StrictModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PriceIn(_StrictModel):
    """Price of a book."""

    amount: Amount
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["GBP"])]

    def to_money(self) -> Money:
        """Raises: Invalid when the currency has fewer decimals."""
        money = Money(Decimal(self.amount), self.currency)
        if not money.has_minor_units:
            raise Invalid(f"has more decimals than {self.currency} has", field="price")
        return money


class StockIn(_StrictModel):
    """Availability of a book."""

    status: AvailabilityStatus
    quantity: Annotated[int, Field(ge=0, le=999_999_999, strict=True)] | None = None


class IdentifiersIn(_StrictModel):
    """Identifiers of the book trade."""

    upc: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    isbn13: Annotated[str, Field(pattern=r"^97[89][0-9]{10}$", examples=["9780141439518"])] | None = None


class AttributesIn(_StrictModel):
    """Attributes that only some sources have; amounts are in the currency of `price`."""

    price_excl_tax: Amount | None = None
    tax: Amount | None = None
    reviews: Annotated[int, Field(ge=0, le=1_000_000_000, strict=True)] | None = None
    product_type: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    average_rating: Annotated[str, Field(pattern=r"^[0-5](\.[0-9]{1,2})?$", examples=["4.3"])] | None = None


_NEW_BOOK: JsonDict = {
    "source": "own_shop",
    "source_id": "n1",
    "url": "https://own.example/n1",
    "title": "A Light in the Attic",
    "category": "Poetry",
    "rating": 3,
    "price": {"amount": "51.77", "currency": "GBP"},
    "availability": {"status": "in_stock", "quantity": 22},
}
_PERIOD: JsonDict = {
    "price": {"amount": "51.77", "currency": "GBP"},
    "valid_from": "2026-03-01T12:00:00Z",
    "last_seen_at": "2026-04-01T12:00:00Z",
}
_FIGURES: JsonDict = {
    "currency": "GBP",
    "books": 1000,
    "in_stock": 1000,
    "category": "Poetry",
    "prices": {
        "min": {"amount": "10.00", "currency": "GBP"},
        "max": {"amount": "59.99", "currency": "GBP"},
        "mean": {"amount": "35.07", "currency": "GBP"},
    },
    "min_price": "10.00",
    "max_price": "59.99",
    "mean_price": "35.07",
    "mean_rating": "2.92",
}


Name = Annotated[str, Field(min_length=1, max_length=200, pattern="^[^;]*[^; ][^;]*$")]
Millimetres = Annotated[int, Field(ge=1, le=5_000)]


class DetailsIn(_StrictModel):
    """Details of the edition; lengths in mm, weight in g. Width and height are given together."""

    authors: Annotated[list[Name], Field(max_length=20)] | None = None
    publisher: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    year: Annotated[int, Field(ge=1_000, le=2_099)] | None = None
    pages: Annotated[int, Field(ge=1, le=99_999)] | None = None
    format: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    edition: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    language: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    width_mm: Millimetres | None = None
    height_mm: Millimetres | None = None
    thickness_mm: Millimetres | None = None
    weight_g: Annotated[int, Field(ge=1, le=100_000)] | None = None

    def to_details(self) -> Details:
        """Raises: Invalid for an incomplete size."""
        sizes = [size is not None for size in (self.width_mm, self.height_mm, self.thickness_mm)]
        if sizes not in ([False, False, False], [True, True, False], [True, True, True]):
            raise Invalid("give width_mm and height_mm, and thickness_mm only with both", field="details")
        values = self.model_dump(exclude={"authors"})
        return Details(authors=tuple(name.strip() for name in self.authors or ()), **values)


class BookPatch(_StrictModel):
    """Fields to change; fields that are left out stay unchanged, null clears an optional field.

    `identifiers`, `attributes` and `details` are merged: their left-out fields stay unchanged, too.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"price": {"amount": "49.99", "currency": "GBP"}, "rating": 4}]}
    )

    url: Annotated[str, Field(min_length=1, max_length=2_000)] | None = None
    title: Text | None = None
    category: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    rating: Annotated[int, Field(ge=1, le=5, strict=True)] | None = None
    price: PriceIn | None = None
    availability: StockIn | None = None
    identifiers: IdentifiersIn | None = None
    description: Annotated[str, Field(max_length=100_000)] | None = None
    image_url: Annotated[str, Field(max_length=2_000)] | None = None
    attributes: AttributesIn | None = None
    details: DetailsIn | None = None


class WholeBook(BookPatch):
    """A book with all required fields; the price is optional."""

    source: Annotated[str, Field(pattern="^[a-z0-9_]{1,40}$", examples=["own_shop"])]
    source_id: Annotated[str, Field(pattern="^[A-Za-z0-9._~-]{1,128}$", examples=["a897fe39b1053632"])]
    url: Annotated[str, Field(min_length=1, max_length=2_000)]
    title: Text

    def to_book(self) -> Book:
        """The domain's book. Raises: Invalid."""
        stock = self.availability or StockIn(status=AvailabilityStatus.UNKNOWN)
        return Book(
            source=self.source,
            source_id=self.source_id,
            url=self.url,
            title=self.title,
            category=self.category,
            rating=None if self.rating is None else Rating(self.rating),
            price=self.price.to_money() if self.price else None,
            availability=Availability(stock.status, stock.quantity),
            identifiers=_drop_none(self.identifiers),
            description=self.description,
            image_url=self.image_url,
            attributes=_drop_none(self.attributes),
            details=NO_DETAILS if self.details is None else self.details.to_details(),
        )


class BookIn(WholeBook):
    """A new book; its id will be `source:source_id`."""

    model_config = ConfigDict(json_schema_extra={"examples": [_NEW_BOOK]})

    price: PriceIn


class BookField(StrEnum):
    """Values of `fields`: all fields of BookState but `id`, which is always returned."""

    SOURCE = "source"
    SOURCE_ID = "source_id"
    URL = "url"
    TITLE = "title"
    CATEGORY = "category"
    RATING = "rating"
    PRICE = "price"
    AVAILABILITY = "availability"
    IDENTIFIERS = "identifiers"
    DESCRIPTION = "description"
    IMAGE_URL = "image_url"
    ATTRIBUTES = "attributes"
    DETAILS = "details"
    OFFERS = "offers"
    VERSION = "version"
    FIRST_SEEN_AT = "first_seen_at"
    LAST_SEEN_AT = "last_seen_at"


class BookPart(BaseModel):
    """A book with the requested fields; see BookState for their meaning."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"propertyNames": {"enum": ["id", *BookField]}}
    )

    id: str


class BookPartPage(BaseModel):
    """A page of books with the requested fields."""

    items: list[BookPart]
    next: NextCursor


class BookPage(BaseModel):
    """A page of books in the requested order; `next` is the cursor of the next page, null on the last one."""

    items: list[BookState]
    next: NextCursor


class PeriodOut(BaseModel):
    """A price with the times of its first and last observation, without another price in between."""

    price: Price
    valid_from: AwareDatetime
    last_seen_at: AwareDatetime

    @classmethod
    def from_period(cls, period: PricePeriod) -> "PeriodOut":
        return cls(
            price=Price.from_money(period.price),
            valid_from=period.valid_from,
            last_seen_at=period.last_seen_at,
        )


class WithdrawalOut(BaseModel):
    """From that time on the source no longer had the book, until it was seen again."""

    at: AwareDatetime
    reason: str

    @classmethod
    def from_withdrawal(cls, withdrawal: Withdrawal) -> "WithdrawalOut":
        return cls(at=withdrawal.at, reason=withdrawal.reason)


class HistoryOut(BaseModel):
    """Price history of a book, oldest first, and when and why it was withdrawn."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "books_toscrape:a897fe39b1053632",
                    "items": [_PERIOD],
                    "next": None,
                    "prices": [_PERIOD],
                    "withdrawn": [{"at": "2026-05-01T12:00:00Z", "reason": "the page answers 404"}],
                }
            ]
        }
    )

    id: str
    items: list[PeriodOut]
    next: NextCursor
    prices: Annotated[list[PeriodOut], deprecate("items")]
    withdrawn: list[WithdrawalOut]


class CategoryOut(BaseModel):
    """A category with its number of books."""

    category: Annotated[str | None, Field(examples=["Poetry"])]
    books: Annotated[int, Field(examples=[19])]

    @classmethod
    def from_count(cls, count: CategoryCount) -> "CategoryOut":
        return cls(category=count.category, books=count.books)


class CategoriesOut(BaseModel):
    """All categories."""

    items: list[CategoryOut]
    next: NextCursor


class PricesOut(BaseModel):
    """Lowest, highest and mean price, as exact amounts."""

    min: Price
    max: Price
    mean: Price


class FiguresOut(BaseModel):
    """Statistics of a set of books in one currency; amounts are exact decimal text."""

    model_config = ConfigDict(json_schema_extra={"examples": [_FIGURES]})

    category: str | None
    currency: str
    books: int
    in_stock: int
    prices: PricesOut
    min_price: Annotated[str, deprecate("prices.min")]
    max_price: Annotated[str, deprecate("prices.max")]
    mean_price: Annotated[str, deprecate("prices.mean")]
    mean_rating: str | None

    @classmethod
    def from_statistics(cls, statistics: Statistics) -> "FiguresOut":
        return cls(
            category=statistics.category,
            currency=statistics.currency,
            books=statistics.books,
            in_stock=statistics.in_stock,
            prices=PricesOut(
                min=_to_price(statistics.min_price, statistics.currency),
                max=_to_price(statistics.max_price, statistics.currency),
                mean=_to_price(statistics.mean_price, statistics.currency),
            ),
            min_price=str(statistics.min_price),
            max_price=str(statistics.max_price),
            mean_price=str(statistics.mean_price),
            mean_rating=None if statistics.mean_rating is None else str(statistics.mean_rating),
        )


class UnpricedOut(BaseModel):
    """Numbers of books without a price in a category; null counts the books without a category."""

    category: Annotated[str | None, Field(examples=["Poetry"])]
    books: Annotated[int, Field(examples=[3])]
    in_stock: Annotated[int, Field(examples=[1])]

    @classmethod
    def from_count(cls, count: UnpricedCount) -> "UnpricedOut":
        return cls(category=count.category, books=count.books, in_stock=count.in_stock)


class StatisticsOut(BaseModel):
    """One entry per currency overall, and one per category and currency; books without a price are counted
    in `without_price`, by category, and nowhere else."""

    overall: list[FiguresOut]
    by_category: list[FiguresOut]
    without_price: list[UnpricedOut]


class Pending(BaseModel):
    """The write is stored in the event log; the catalogue will show it soon."""

    status: str = "accepted"
    id: Annotated[str, Field(examples=["own_shop:n1"])]
    version: Annotated[int, Field(examples=[1772366400000000])]


def _to_price(amount: Decimal, currency: str) -> Price:
    return Price(amount=str(amount), currency=currency)


def _drop_none(model: BaseModel | None) -> dict[str, str]:
    return {} if model is None else model.model_dump(exclude_none=True)
