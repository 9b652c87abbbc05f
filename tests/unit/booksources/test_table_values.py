"""Values of columns become parts of a listing; one that can't be read is a remark."""

import pytest

from bookcore.domain.errors import Invalid
from bookcore.domain.printed_listing import PrintedSeries
from booksources.cleaning.units import format_dimensions, format_weight
from booksources.tables.mapping import parse_mapping
from booksources.tables.values import (
    read_average,
    read_count,
    read_list,
    read_measure,
    read_pages,
    read_series,
)


@pytest.mark.parametrize(
    ("printed", "decimal", "count"),
    [
        ("4,780,653 ratings", None, "4780653"),
        ("1.234 Bewertungen", ",", "1234"),
        ("8 customer reviews", None, "8"),
        ("15.0", None, "15"),
        ("0", None, "0"),
    ],
)
def test_whole_number_is_read(printed: str, decimal: str | None, count: str) -> None:
    assert read_count(printed, decimal) == count


@pytest.mark.parametrize("printed", ["", "many", "1.5", "15k", "15.2K", "3 of 5", "-3"])
def test_other_texts_are_no_whole_number(printed: str) -> None:
    with pytest.raises(Invalid):
        read_count(printed)


@pytest.mark.parametrize(
    ("printed", "stars"),
    [
        ("4.0 out of 5 stars", "4.0"),
        ("4,5", "4.5"),
        ("4.33333", "4.33"),
        ("4.55 of 5", "4.55"),
        ("0.0", None),
    ],
)
def test_stars_are_read(printed: str, stars: str | None) -> None:
    assert read_average(printed) == stars


@pytest.mark.parametrize("printed", ["8.5", "8 out of 10", "good", "-1", "85%"])
def test_other_scales_are_no_stars(printed: str) -> None:
    with pytest.raises(Invalid):
        read_average(printed)


def test_pages_lists_series_and_measures_are_read() -> None:
    assert (read_pages("288 pages"), read_pages("0")) == ("288", None)
    assert read_list("['Fiction', \"Children's\"]") == ("Fiction", "Children's")
    assert read_list("Fiction; War, Peace") == ("Fiction", "War, Peace")
    assert read_list("Fiction, War", ",") == ("Fiction", "War")
    assert read_series("The Hunters, #3") == PrintedSeries(name="The Hunters", number="3")
    assert read_series("The Hunters") == PrintedSeries(name="The Hunters")
    assert read_measure("5.5 x 8.5", "inches", format_dimensions) == "140 x 216 mm"
    assert read_measure("1.2 pounds", "g", format_weight) == "544 g"
    with pytest.raises(Invalid, match="has no unit"):
        read_measure("5 x 8", None, format_dimensions)


MAPPING = """
source = "my_shop"
[profile]
language = "de-DE"
decimal = ","
currency = "EUR"
territory = "DE"
[fields]
source_id = { column = "id" }
title = { column = "title" }
authors = { column = "authors", comma = "within" }
illustrators = { column = "ill" }
price = { column = "price" }
availability = { column = "stock" }
subjects = { column = "subjects" }
published = { column = "day" }
isbn = { column = "isbn" }
series = { column = "series" }
series_number = { column = "number" }
[attributes]
shelf = { column = "shelf" }
"""


def test_row_becomes_a_listing_with_the_declared_notation() -> None:
    row = {
        "id": "1",
        "title": "Faust",
        "authors": "Goethe, Johann Wolfgang von",
        "ill": "Ann Lee",
        "price": "ab 1.012,50 €",
        "stock": "Nur noch 3 auf Lager",
        "subjects": "Drama; Klassik",
        "day": "05.12.2019",
        "isbn": "9.78E+12",
        "series": "Werke",
        "number": "2",
        "shelf": "A1",
    }
    printed = parse_mapping(MAPPING).map_row(row).printed
    assert [(each.name, each.role) for each in printed.contributors] == [
        ("Johann Wolfgang von Goethe", "author"),
        ("Ann Lee", "illustrator"),
    ]
    (offer,) = printed.offers
    assert (offer.price, offer.price_qualifier) == ("1012.50 EUR", "from")
    assert (offer.availability, offer.quantity) == ("in_stock", "3")
    assert [each.heading for each in printed.subjects] == ["Drama", "Klassik"]
    assert (printed.published, printed.series) == ("2019-12-05", (PrintedSeries(name="Werke", number="2"),))
    assert (printed.territory, printed.currency, printed.attributes) == ("DE", "EUR", {"shelf": "A1"})
    assert [(each.field, each.printed) for each in printed.remarks] == [("isbn", "9.78E+12")]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('currency = "ZZZ"', "no currency code of ISO 4217"),
        ('territory = "Germany"', "mapping.profile.territory"),
        ('langage = "de"', "mapping.profile.langage"),
    ],
)
def test_mistake_in_a_profile_is_reported_by_place(line: str, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        parse_mapping(f'source = "a"\n[profile]\n{line}\n[fields]\nsource_id = {{ column = "id" }}')
