"""Products as rows of text, for mappings that name columns."""

from bookcore.domain.printed_listing import PrintedListing, PrintedOffer

COLUMNS = (
    "reference",
    "isbn",
    "title",
    "subtitle",
    "authors",
    "publisher",
    "published",
    "pages",
    "format",
    "edition",
    "language",
    "category",
    "description",
    "price",
    "currency",
    "dimensions",
    "weight",
)
"""Columns of a row in order; `dimensions` as 130 x 205 mm, `weight` as 350 g, `authors` separated by `; `."""

_WRITERS = ("author", "editor", "translator", "illustrator")
_PRICE_TYPES = ("consumer_with_tax", "consumer_without_tax", None)


def to_row(reference: str, listing: PrintedListing) -> dict[str, str]:
    """A row with every column; missing values are empty.

    The price is the first consumer price, one with tax if there is any; a row has no time, so a price with a
    period is taken only where none is without.
    """
    amount, _, currency = (_choose_price(listing.offers) or "").partition(" ")
    values = {
        "reference": reference,
        "isbn": listing.identifiers.get("isbn"),
        "authors": _format_authors(listing),
        "language": next(iter(listing.languages), None),
        "description": " ".join((listing.description or "").split()),
        "price": amount,
        "currency": currency,
    }
    return {name: (values[name] if name in values else getattr(listing, name)) or "" for name in COLUMNS}


def _format_authors(listing: PrintedListing) -> str:
    for role in _WRITERS:
        names = [person.name.replace(";", ",") for person in listing.contributors if person.role == role]
        if names:
            return "; ".join(names)
    return ""


def _choose_price(offers: tuple[PrintedOffer, ...]) -> str | None:
    """The first price of the best type; of one type, a price without a period first."""
    priced = [offer for offer in offers if offer.price]
    ranked = sorted(priced, key=_rank_offer)
    return ranked[0].price if ranked else None


def _rank_offer(offer: PrintedOffer) -> tuple[int, bool]:
    known = offer.price_type in _PRICE_TYPES
    rank = _PRICE_TYPES.index(offer.price_type) if known else len(_PRICE_TYPES)
    return rank, bool(offer.valid_from or offer.valid_until)
