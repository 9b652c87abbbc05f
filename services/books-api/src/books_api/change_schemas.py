"""Response models of the feed of changes."""

from decimal import ROUND_DOWN, Decimal
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from bookcore.catalogue.change_feed import ChangeEntry, EntryKind
from bookcore.events.book import Price

_HUNDREDTH = Decimal("0.01")
_CHANGE: JsonDict = {
    "book_id": "books_toscrape:a897fe39b1053632",
    "kind": "price_drop",
    "at": "2026-11-01T12:00:00Z",
    "recorded_at": "2026-11-01T12:00:01Z",
    "source": "books_toscrape",
    "title": "A Light in the Attic",
    "category": "Poetry",
    "before": {"amount": "51.77", "currency": "GBP"},
    "after": {"amount": "47.10", "currency": "GBP"},
    "percent": "-9.02",
}


class ChangeOut(BaseModel):
    """What became of a book. `before` and `after` are its prices, null where there was or is none or where
    the currency is another one; `percent` from one to the other, rounded towards 0. `title` and `category`
    are those of now. `at`: when its source was read; `recorded_at`: when the feed got it.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_CHANGE]})

    book_id: str
    kind: EntryKind
    at: AwareDatetime
    recorded_at: AwareDatetime
    source: str
    title: str | None
    category: str | None
    before: Price | None
    after: Price | None
    percent: str | None

    @classmethod
    def from_entry(cls, entry: ChangeEntry) -> "ChangeOut":
        before, after = entry.before, entry.after
        percent = None
        if before and after and before.amount:
            change = (after.amount - before.amount) / before.amount * 100
            percent = str(change.quantize(_HUNDREDTH, rounding=ROUND_DOWN))
        return cls(
            book_id=entry.book_id,
            kind=entry.kind,
            at=entry.at,
            recorded_at=entry.recorded_at,
            source=entry.source,
            title=entry.title,
            category=entry.category,
            before=Price.from_money(before) if before else None,
            after=Price.from_money(after) if after else None,
            percent=percent,
        )


class ChangePage(BaseModel):
    """Changes in the order in which they were recorded. `next` is there on every page: sent later as
    `cursor`, it gives what came since. `has_more`: whether the next page has changes already.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_CHANGE], "next": "q2k1…", "has_more": False}]}
    )

    items: list[ChangeOut]
    next: Annotated[
        str, Field(description="send it as `cursor` for the changes after these", examples=["q2k1…"])
    ]
    has_more: bool
