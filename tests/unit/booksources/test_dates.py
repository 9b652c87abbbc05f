"""Printed dates become YYYY[-MM[-DD]], only as precise as they are printed."""

import pytest

from bookcore.domain.errors import Invalid
from booksources.cleaning.dates import DateNotation, detect_date_notation, read_date


@pytest.mark.parametrize(
    ("printed", "language", "day"),
    [
        ("2019", "en", "2019"),
        ("2008.0", "en", "2008"),
        ("2019-05", "en", "2019-05"),
        ("2019-05-00", "en", "2019-05"),
        ("2019-00-00", "en", "2019"),
        ("20190500", "en", "2019-05"),
        ("2019年5月12日", "ja", "2019-05-12"),
        ("2019年5月", "zh", "2019-05"),
        ("2019. 05. 12.", "ko", "2019-05-12"),
        ("2019-05-12", "en", "2019-05-12"),
        ("2019/5/2", "en", "2019-05-02"),
        ("20190512", "en", "2019-05-12"),
        ("2019-05-12T10:00:00Z", "en", "2019-05-12"),
        ("2019-05-12 00:00:00", "en", "2019-05-12"),
        ("12 May 2019", "en", "2019-05-12"),
        ("\u2013 10 Mar 2016", "en", "2016-03-10"),
        ("Paperback, 10 Mar 2016", "en", "2016-03-10"),
        ("May 12, 2019", "en", "2019-05-12"),
        ("September 16th 2006", "en", "2006-09-16"),
        ("12-MAY-2019", "en", "2019-05-12"),
        ("May 2019", "en", "2019-05"),
        ("Sunday, 12 May 2019", "en", "2019-05-12"),
        ("12. Mai 2019", "de", "2019-05-12"),
        ("März 2019", "de", "2019-03"),
        ("1er août 2019", "fr", "2019-08-01"),
        ("12 de mayo de 2019", "es", "2019-05-12"),
        ("12 maggio 2019", "it", "2019-05-12"),
        ("12 de março de 2019", "pt", "2019-03-12"),
        ("12 mei 2019", "nl", "2019-05-12"),
        ("12 października 2019", "pl", "2019-10-12"),
        ("12. avgust 2019.", "sr", "2019-08-12"),
        ("12. август 2019.", "sr", "2019-08-12"),
        ("05/12/2019", "en-US", "2019-05-12"),
        ("05/12/2019", "en-GB", "2019-12-05"),
        ("05.12.2019", "de", "2019-12-05"),
        ("25/12/2019", "en", "2019-12-25"),
        ("12/25/2019", "en", "2019-12-25"),
        ("05/05/2019", "en", "2019-05-05"),
        ("05/2019", "en", "2019-05"),
        ("c1999", "en", "1999"),
        ("[1999?]", "en", "1999"),
        ("©1999", "en", "1999"),
        ("Published in 1999", "en", "1999"),
    ],
)
def test_date_is_read(printed: str, language: str, day: str) -> None:
    assert read_date(printed, DateNotation(language)) == day


@pytest.mark.parametrize(
    ("printed", "language", "reason"),
    [
        ("05/12/2019", "en", "day first or month first"),
        ("25/12/2019", "en-US", "no date of the calendar"),
        ("2019-13", "en", "no date of the calendar"),
        ("2019-00-12", "en", "no date of the calendar"),
        ("0000-00-00", "en", "no year from 1000"),
        ("2019-02-30", "en", "no date of the calendar"),
        ("20191301", "en", "no date of the calendar"),
        ("31 February 2019", "en", "no date of the calendar"),
        ("41999", "en", "no date of a known form"),
        ("120153", "en", "no date of a known form"),
        ("12/05/19", "en-GB", "no date of a known form"),
        ("Sep-06", "en", "no date of a known form"),
        ("1999/2000", "en", "no date"),
        ("12 May 2019 - 3 June 2020", "en", "no date of a known form"),
        ("-750.0", "en", "no date"),
        ("0812", "en", "no year from 1000"),
        ("2999", "en", "no year from 1000 to 2099"),
        ("soon", "en", "no date of a known form"),
        ("1" * 200, "en", "is longer than"),
    ],
)
def test_text_that_states_no_date_is_refused(printed: str, language: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        read_date(printed, DateNotation(language))


def test_numbers_of_a_whole_column_are_days_of_a_spreadsheet() -> None:
    notation = detect_date_notation(["41999", "", "120153", "43831.0"], "en")
    assert notation.is_serial
    assert read_date("41999", notation) == "2014-12-26"
    assert read_date("43831.0", notation) == "2020-01-01"
    with pytest.raises(Invalid, match="no day of a spreadsheet"):
        read_date("120153", notation)


@pytest.mark.parametrize("values", [[], [""], ["41999", "2014"], ["41999", "May 2014"], ["200403", "200512"]])
def test_other_columns_hold_no_days_of_a_spreadsheet(values: list[str]) -> None:
    assert not detect_date_notation(values, "en").is_serial
