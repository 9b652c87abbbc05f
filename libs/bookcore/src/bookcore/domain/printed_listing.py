"""A listing as a source states it: text in one notation, which the domain parses.

Readers bring the notation of a source to the one described here. An optional field that a reader cannot
bring to it stays None and becomes a remark; the listing is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Remark:
    """An optional field that could not be read: its name, the printed text (cut to 200 characters), the
    reason.
    """

    field: str
    printed: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedContributor:
    """A person or body: the name as shown, the name to sort by, and the role as a word of MARC's relator
    list (`author`, `editor`, `illustrator`, `translator`, `narrator`, `contributor`).
    """

    name: str
    sort_name: str | None = None
    role: str = "author"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedSeries:
    """A series and the listing's number in it."""

    name: str
    number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedSubject:
    """A subject by its scheme (`bisac`, `thema`, `bic`, `dewey`, `lcsh`, `keyword`), code and heading."""

    scheme: str
    code: str | None = None
    heading: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedOffer:
    """An offer of a listing.

    `price`: an amount with a decimal point and an ISO 4217 code, `51.77 GBP`; None for no price, and
    `unpriced` then says why (`free`, `on_request`, `to_be_announced`). `price_type`: `consumer_with_tax`,
    `consumer_without_tax`, `library_with_tax`, `library_without_tax`, `trade` or `other`; None where the
    source tells no types, which means a consumer price with tax. `price_qualifier`: `from` for the lowest
    price of a range, `promotion` and so on. `territories` and `excluded_territories`: ISO 3166 codes, or
    `WORLD`. `condition`: `new`, `used`, `refurbished` or `damaged`. `availability`: a state of
    AvailabilityStatus. `valid_from` and `valid_until`: days (YYYY-MM-DD), both within the period, or
    moments with an offset.
    """

    price: str | None = None
    unpriced: str | None = None
    price_type: str | None = None
    price_qualifier: str | None = None
    territories: tuple[str, ...] = ()
    excluded_territories: tuple[str, ...] = ()
    seller: str | None = None
    condition: str | None = None
    availability: str | None = None
    quantity: str | None = None
    minimum_quantity: str | None = None
    valid_from: str | None = None
    valid_until: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedListing:
    """What a source states about one book; a title is required, None and empty mean that nothing is
    stated.

    `identifiers` by type: `isbn` (10 or 13 digits), `upc`, `gtin`, `oclc`, `lccn`, `asin`,
    `open_library`, or the source's own. `published`: YYYY, YYYY-MM or YYYY-MM-DD. `pages`: a whole
    number. `languages`: ISO 639 codes, or words as printed. `dimensions`: width x height [x thickness] in
    mm. `weight`: in g. `description`: plain text with line breaks between paragraphs. `covers`: URLs, the
    best first. `rating`: whole stars, 1 to 5; `average_rating`: 0 to 5. `attributes`: facts that only
    this source prints, by its own names. `territory` and `currency`: those of the source, by which the
    price of the listing is chosen among its offers. `blocks`: names of bookcore.domain.blocks when only
    these are stated and the others stay as they were; empty for a whole listing.
    """

    title: str | None = None
    subtitle: str | None = None
    contributors: tuple[PrintedContributor, ...] = ()
    identifiers: Mapping[str, str] = field(default_factory=dict)
    publisher: str | None = None
    imprint: str | None = None
    published: str | None = None
    format: str | None = None
    pages: str | None = None
    languages: tuple[str, ...] = ()
    series: tuple[PrintedSeries, ...] = ()
    subjects: tuple[PrintedSubject, ...] = ()
    category: str | None = None
    description: str | None = None
    covers: tuple[str, ...] = ()
    dimensions: str | None = None
    weight: str | None = None
    edition: str | None = None
    rating: str | None = None
    average_rating: str | None = None
    reviews: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    offers: tuple[PrintedOffer, ...] = ()
    territory: str | None = None
    currency: str | None = None
    blocks: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()
