"""Printed ISBNs are read where their check digit proves them."""

import csv
import gzip
from contextlib import suppress
from pathlib import Path

import pytest

from bookcore.domain.errors import Invalid
from bookcore.domain.printed_details import convert_to_isbn13
from booksources.cleaning.isbn import read_isbn


@pytest.mark.parametrize(
    ("printed", "digits"),
    [
        ("9780141439518", "9780141439518"),
        ("9780141439518.0", "9780141439518"),
        ('="9780141439518"', "9780141439518"),
        ("9 780141 439518", "9780141439518"),
        ("978.0.14.143951.8", "9780141439518"),
        ("978/0/14/143951/8", "9780141439518"),
        ("0.14.143951.3", "0141439513"),
        ("ISBN 9780141439518", "9780141439518"),
        ("ISBN-13: 978-0-14-143951-8", "9780141439518"),
        ("isbn13:9780141439518", "9780141439518"),
        ("urn:isbn:9780141439518", "9780141439518"),
        ("978 0 14 143951 8", "9780141439518"),
        ("978\u20100\u201114\u2013143951\u20148", "9780141439518"),
        ("'9780141439518", "9780141439518"),
        ("9.780141439518E+12", "9780141439518"),
        ("0141439513", "0141439513"),
        ("080442957x", "080442957X"),
        ("0-8044-2957-X", "080442957X"),
        ("439023483", "0439023483"),
        ("439023483.0", "0439023483"),
        ("7491433", "0007491433"),
        ("80442957X", "080442957X"),
        ("0141439513 (ISBN13: 9780141439518)", "9780141439518"),
        ("9780141439518 (pbk.) : $12.99", "9780141439518"),
    ],
)
def test_isbn_is_read(printed: str, digits: str) -> None:
    assert read_isbn(printed) == digits


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        ("0000000000", "stands for no ISBN"),
        ("1-111-11111-1", "stands for no ISBN"),
        ("9.78014E+12", "has lost digits"),
        ("9,78014E+12", "has lost digits"),
        ("9780141439519", "wrong check digit"),
        ("9780141439519.0", "wrong check digit"),
        ("0141439514", "wrong check digit"),
        ("439023484", "has 9 digits"),
        ("5099749534728", "no ISBN of 10 or 13 digits"),
        ("9780141439518 9780439023481", "several ISBNs"),
        ("n/a", "no ISBN"),
        ("", "no ISBN"),
        ("12345", "no ISBN"),
        ("9" * 300, "is longer than"),
    ],
)
def test_isbn_that_nothing_proves_is_refused(printed: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        read_isbn(printed)


def test_isbn_of_ten_digits_has_one_of_thirteen() -> None:
    assert convert_to_isbn13("0141439513") == "9780141439518"
    assert convert_to_isbn13("9780141439518") == "9780141439518"


def test_isbns_without_their_zeros_are_read_in_a_real_table(shared_data: Path) -> None:
    with gzip.open(shared_data / "goodbooks_10k" / "books.csv.gz", "rt", encoding="utf-8") as file:
        printed = [row["isbn"] for row in csv.DictReader(file) if row["isbn"]]
    unread = list(printed)
    for text in printed:
        with suppress(Invalid):
            read_isbn(text)
            unread.remove(text)
    assert (len(printed), len(unread)) == (9_300, 23)
