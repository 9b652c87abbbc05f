import pytest

from booksources.cleaning.units import (
    convert_to_grams,
    convert_to_millimetres,
    format_dimensions,
    format_weight,
)


@pytest.mark.parametrize(
    ("printed", "formatted"),
    [
        ("8.5 x 11 inches", "216 x 279 mm"),
        ("5.5 x 0.8 x 8.2 in", "140 x 20 x 208 mm"),
        ("13.0 x 19,7 cm", "130 x 197 mm"),
        ("130mm x 197mm x 18mm", "130 x 197 x 18 mm"),
        ("13 cm \u00d7 20 cm", "130 x 200 mm"),
        ("8\u00bd x 11 in", "216 x 279 mm"),
        ("5 1/2 x 8 1/4 inches", "140 x 210 mm"),
        ("5.5 by 8.5 inches", "140 x 216 mm"),
        ("6\u2033 x 9\u2033", "152 x 229 mm"),
        ("6'' x 9''", "152 x 229 mm"),
        ("1,200 x 1,300 mm", None),
        ("130 x 197", None),
        ("13 x 20 furlongs", None),
        ("0 x 0 mm", None),
        ("13 cm", None),
    ],
)
def test_sizes_become_millimetres_in_their_printed_order(printed: str, formatted: str | None) -> None:
    assert format_dimensions(printed) == formatted


@pytest.mark.parametrize(
    ("printed", "formatted"),
    [
        ("1.2 pounds", "544 g"),
        ("12.3 oz", "349 g"),
        ("350 g", "350 g"),
        ("0,35 kg", "350 g"),
        ("1 lb.", "454 g"),
        ("1 lb 4 oz", "567 g"),
        ("1/2 lb", "227 g"),
        ("1.200 kg", "1200 g"),
        ("1,200 g", None),
        ("1.200 g", None),
        ("heavy", None),
        ("350", None),
        ("0 g", None),
    ],
)
def test_weights_become_grams(printed: str, formatted: str | None) -> None:
    assert format_weight(printed) == formatted


@pytest.mark.parametrize("amount", ["", "-1", "1e3", "\u0661", "NaN", "1.2.3"])
def test_an_amount_that_is_no_plain_number_is_no_measure(amount: str) -> None:
    assert convert_to_millimetres(amount, "mm") is None
    assert convert_to_grams(amount, "g") is None
