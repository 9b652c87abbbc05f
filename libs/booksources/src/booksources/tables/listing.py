"""Printed values of a row become a printed listing; one that can't be read costs itself, with a remark."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from bookcore.domain.printed_listing import (
    PrintedContributor,
    PrintedListing,
    PrintedOffer,
    PrintedSeries,
    PrintedSubject,
)
from booksources.cleaning.dates import DateNotation, read_date
from booksources.cleaning.isbn import read_isbn
from booksources.cleaning.money import read_money, read_price
from booksources.cleaning.people import read_people
from booksources.cleaning.remarks import RemarkLog
from booksources.cleaning.stock import read_stock
from booksources.cleaning.units import format_dimensions, format_weight
from booksources.reading import SourceProfile
from booksources.tables.rule import FieldRule
from booksources.tables.values import (
    format_plain,
    read_average,
    read_count,
    read_list,
    read_measure,
    read_pages,
    read_series,
    read_stars,
)

ROLES = {
    "authors": "author",
    "contributors": "contributor",
    "editors": "editor",
    "illustrators": "illustrator",
    "translators": "translator",
    "narrators": "narrator",
}
TEXTS = ("title", "subtitle", "publisher", "imprint", "format", "edition", "category", "description")
IDENTIFIERS = ("upc", "gtin", "asin", "oclc", "lccn", "open_library")
AMOUNTS = ("price_excl_tax", "tax")
OFFER = ("price", "currency", "availability", "quantity", "seller", "condition")
OTHERS = (
    *("isbn", "published", "pages", "language", "languages", "series", "series_number", "subjects"),
    *("dimensions", "weight", "rating", "average_rating", "reviews", "image_url", "covers", "product_type"),
)
FIELDS = frozenset({*ROLES, *TEXTS, *IDENTIFIERS, *AMOUNTS, *OFFER, *OTHERS})
"""Fields that a mapping may have, besides `source_id` and `url`."""
_SIGNS = {"$": "USD", "\u00a5": "JPY"}  # of mappings from before profiles
_NO_RULE = FieldRule()


class ListingBuilder:
    """Builds the listings of one table. Without a profile, the notation is that of mappings from before
    profiles: `$` is USD, and `;` alone separates people.
    """

    def __init__(self, rules: Mapping[str, FieldRule], profile: SourceProfile | None) -> None:
        self._rules = rules
        self._declared = profile
        self._profile = profile or SourceProfile()

    def build(self, values: Mapping[str, str | None], log: RemarkLog) -> PrintedListing:
        """The listing of printed texts by field; `log` gets the remarks."""
        average = partial(read_average, decimal=self._get_decimal("average_rating"))
        return PrintedListing(
            title=values.get("title"),
            subtitle=values.get("subtitle"),
            publisher=values.get("publisher"),
            imprint=values.get("imprint"),
            format=values.get("format"),
            edition=values.get("edition"),
            category=values.get("category"),
            description=values.get("description"),
            contributors=self._read_people(values, log),
            identifiers=self._read_identifiers(values, log),
            published=log.read("published", values.get("published"), self._read_date),
            pages=log.read(
                "pages", values.get("pages"), partial(read_pages, decimal=self._get_decimal("pages"))
            ),
            languages=self._read_lists("language", values, log) + self._read_lists("languages", values, log),
            series=self._read_series(values, log),
            subjects=self._read_subjects(values, log),
            covers=self._read_covers(values, log),
            dimensions=self._read_measure("dimensions", values, log),
            weight=self._read_measure("weight", values, log),
            rating=log.read("rating", values.get("rating"), read_stars),
            average_rating=log.read("average_rating", values.get("average_rating"), average),
            reviews=log.read(
                "reviews", values.get("reviews"), partial(read_count, decimal=self._get_decimal("reviews"))
            ),
            attributes=self._read_attributes(values, log),
            offers=self._read_offers(values, log),
            territory=self._profile.territory,
            currency=self._profile.currency,
            remarks=log.remarks,
        )

    def _get_rule(self, field: str) -> FieldRule:
        return self._rules.get(field, _NO_RULE)

    def _get_decimal(self, field: str) -> str | None:
        """The decimal sign of a field's text; its rule has brought amounts to a point."""
        return None if self._get_rule(field).decimal else self._profile.decimal

    def _read_people(
        self, values: Mapping[str, str | None], log: RemarkLog
    ) -> tuple[PrintedContributor, ...]:
        people: list[PrintedContributor] = []
        for field, role in ROLES.items():
            read = partial(read_people, notation=self._get_rule(field).people)
            if self._declared is None:
                read = partial(_split_people, role=role)
            found = log.read(field, values.get(field), read) or ()
            people += [replace(each, role=role) if each.role == "author" else each for each in found]
        return tuple(people)

    def _read_identifiers(self, values: Mapping[str, str | None], log: RemarkLog) -> dict[str, str]:
        found = {name: text for name in IDENTIFIERS if (text := values.get(name))}
        isbn = log.read("isbn", values.get("isbn"), read_isbn)
        return {**found, "isbn": isbn} if isbn else found

    def _read_date(self, text: str) -> str:
        return read_date(text, DateNotation(self._profile.language, self._get_rule("published").days))

    def _read_lists(self, field: str, values: Mapping[str, str | None], log: RemarkLog) -> tuple[str, ...]:
        return (
            log.read(field, values.get(field), partial(read_list, separator=self._get_rule(field).separator))
            or ()
        )

    def _read_series(self, values: Mapping[str, str | None], log: RemarkLog) -> tuple[PrintedSeries, ...]:
        series = log.read("series", values.get("series"), read_series)
        if series is None:
            return ()
        number = values.get("series_number")
        return (replace(series, number=number) if number else series,)

    def _read_subjects(self, values: Mapping[str, str | None], log: RemarkLog) -> tuple[PrintedSubject, ...]:
        headings = self._read_lists("subjects", values, log)
        return tuple(PrintedSubject(scheme="keyword", heading=heading) for heading in headings)

    def _read_covers(self, values: Mapping[str, str | None], log: RemarkLog) -> tuple[str, ...]:
        first = values.get("image_url")
        return ((first,) if first else ()) + self._read_lists("covers", values, log)

    def _read_measure(self, field: str, values: Mapping[str, str | None], log: RemarkLog) -> str | None:
        convert = format_dimensions if field == "dimensions" else format_weight
        read = partial(read_measure, unit=self._get_rule(field).unit, convert=convert)
        return log.read(field, values.get(field), read)

    def _read_attributes(self, values: Mapping[str, str | None], log: RemarkLog) -> dict[str, str]:
        found = {
            name: log.read(name, values.get(name), lambda text: format_plain(self._read_amount(text)))
            for name in AMOUNTS
        }
        found["product_type"] = values.get("product_type")
        return {name: text for name, text in found.items() if text is not None}

    def _read_amount(self, text: str) -> str:
        return read_money(text, self._choose_profile("price", text, None))

    def _read_offers(self, values: Mapping[str, str | None], log: RemarkLog) -> tuple[PrintedOffer, ...]:
        price = values.get("price")
        profile = self._choose_profile("price", price or "", values.get("currency"))
        offer = log.read("price", price, partial(read_price, profile=profile))
        stock = log.read("availability", values.get("availability"), read_stock)
        quantity = log.read("quantity", values.get("quantity"), read_count)
        if offer is None and stock is None and quantity is None:
            return ()
        return (
            replace(
                offer or PrintedOffer(),
                availability=stock.availability if stock else None,
                quantity=quantity or (stock.quantity if stock else None),
                seller=values.get("seller"),
                condition=values.get("condition"),
            ),
        )

    def _choose_profile(self, field: str, text: str, currency: str | None) -> SourceProfile:
        """The profile for a price: its row's own currency, and signs as older mappings mean them."""
        profile = replace(self._profile, decimal=self._get_decimal(field))
        if currency:
            return replace(profile, currency=currency.strip().upper())
        if self._declared is None:
            legacy = next((code for sign, code in _SIGNS.items() if sign in text), None)
            return replace(profile, currency=legacy)
        return profile


def _split_people(text: str, role: str) -> tuple[PrintedContributor, ...]:
    names = (name.strip() for name in text.split(";"))
    return tuple(PrintedContributor(name=name, role=role) for name in names if name)
