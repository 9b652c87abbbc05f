"""ONIX messages as tables: written by us with the dirt that real feeds have, and the real ones."""

import gzip
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

import pytest
from tests.unit.bookstream.test_import import read_observed, read_reasons, run_import

from bookcore.domain.book import Book
from bookcore.domain.errors import Invalid
from bookcore.domain.listing import normalise_listing
from bookcore.domain.normalise import Origin, Rejected
from booksources.feeds import FeedMapping, open_feed
from booksources.intake.intake import ListingIntake
from booksources.onix.reader import read
from booksources.reading import Document, Listing, SourceProfile

AT = datetime(2026, 1, 1, tzinfo=UTC)
NOTHING = SourceProfile()

PRODUCT = """<Product><RecordReference>r{n}</RecordReference>
<ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>9780306406157</IDValue></ProductIdentifier>
<DescriptiveDetail><ProductForm>BB</ProductForm>
<Collection><TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>02</TitleElementLevel>
<TitleText>A series</TitleText></TitleElement></TitleDetail></Collection>
<TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>01</TitleElementLevel>
<TitlePrefix>The</TitlePrefix>
<TitleWithoutPrefix>Lamp &amp; I{more}</TitleWithoutPrefix></TitleElement></TitleDetail>
<Contributor><ContributorRole>B06</ContributorRole><PersonName>A Translator</PersonName></Contributor>
<Contributor><ContributorRole>A01</ContributorRole>
<PersonNameInverted>Huang, Ana</PersonNameInverted></Contributor>
<Contributor><ContributorRole>A01</ContributorRole><NamesBeforeKey>Bo</NamesBeforeKey><KeyNames>Li</KeyNames>
</Contributor><Language><LanguageRole>01</LanguageRole><LanguageCode>eng</LanguageCode></Language>
<Extent><ExtentType>00</ExtentType><ExtentValue>288</ExtentValue><ExtentUnit>03</ExtentUnit></Extent>
<Measure><MeasureType>01</MeasureType><Measurement>8</Measurement><MeasureUnitCode>in</MeasureUnitCode></Measure>
<Measure><MeasureType>02</MeasureType><Measurement>13.0</Measurement><MeasureUnitCode>cm</MeasureUnitCode></Measure>
<Measure><MeasureType>08</MeasureType><Measurement>0.3</Measurement><MeasureUnitCode>kg</MeasureUnitCode></Measure>
</DescriptiveDetail><PublishingDetail><Publisher><PublishingRole>01</PublishingRole>
<PublisherName>House</PublisherName></Publisher><PublishingDate><PublishingDateRole>01</PublishingDateRole>
<Date>20210900</Date></PublishingDate></PublishingDetail><ProductSupply><SupplyDetail>
<Price><PriceType>05</PriceType><PriceAmount>3.00</PriceAmount><CurrencyCode>GBP</CurrencyCode></Price>
<Price><PriceType>02</PriceType><PriceAmount>{price}</PriceAmount></Price></SupplyDetail></ProductSupply></Product>"""
HEADER = "<Header><DefaultCurrencyCode>GBP</DefaultCurrencyCode></Header>"
SHORT = """<?xml version="1.0"?><ONIXmessage xmlns="http://ns.editeur.org/onix/3.0/short"><product><a001>s1</a001>
<title><b202>01</b202><b203>Caf&eacute; &bogus; &#1;</b203></title>
<contributor><b035>A01</b035><b036>Ana</b036></contributor>
<b012>BC</b012><b061>120</b061><b003>201903</b003><supplydetail><price>
<j148>01</j148><j151>9.50</j151><j152>EUR</j152>
</price></supplydetail></product></ONIXmessage>"""


def build_message(*products: str, head: str = '<?xml version="1.0" encoding="utf-8"?>') -> str:
    return f"{head}<ONIXMessage>{HEADER}{''.join(products)}</ONIXMessage>"


def build_product(n: int, *, price: str = "9.90", more: str = "") -> str:
    return PRODUCT.format(n=n, price=price, more=more)


def read_books(path: Path, profile: SourceProfile = NOTHING) -> Iterator[Book | Rejected | str]:
    """The book of each product, or why there is none."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as body:
        for item in read(Document(path.name, cast(IO[bytes], body)), profile):
            yield _normalise(item) if isinstance(item, Listing) else str(item)


def _normalise(item: Listing) -> Book | Rejected:
    origin = Origin("onix", item.source_id, f"table:onix/{item.source_id}")
    result = normalise_listing(origin, item.printed, AT)
    return result if isinstance(result, Rejected) else result.book


def test_product_becomes_a_book_with_all_its_fields(tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    path.write_text(build_message(build_product(1)))
    (book,) = read_books(path)
    assert isinstance(book, Book)
    assert (book.title, str(book.price), book.identifiers) == (
        "The Lamp & I",
        "9.90 GBP",
        {"isbn13": "9780306406157"},
    )
    assert book.details.plain == {
        "authors": ["Ana Huang", "Bo Li"],
        "contributors": [
            {"name": "A Translator", "role": "translator"},
            {"name": "Ana Huang", "sort_name": "Huang, Ana", "role": "author"},
            {"name": "Bo Li", "sort_name": "Li, Bo", "role": "author"},
        ],
        "series": [{"name": "A series"}],
        "languages": ["en"],
        "publisher": "House",
        "published": "2021-09",
        "year": 2021,
        "pages": 288,
        "format": "Hardback",
        "language": "en",
        "width_mm": 130,
        "height_mm": 203,
        "weight_g": 300,
    }


def test_short_tags_html_entities_and_control_characters_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    path.write_text(SHORT)
    (book,) = read_books(path)
    assert isinstance(book, Book)
    assert (book.title, str(book.offers[0].price), book.details.year) == ("Café &bogus;", "9.50 EUR", 2019)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
def test_declared_encoding_is_used(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "feed.xml"
    declared = encoding.removesuffix("-sig")
    text = build_message(build_product(1, more=" é"), head=f'<?xml version="1.0" encoding="{declared}"?>')
    path.write_bytes(text.encode(encoding))
    assert [book.title for book in read_books(path) if isinstance(book, Book)] == ["The Lamp & I é"]


def test_only_invalid_records_are_parked(tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    text = build_message(
        build_product(1), build_product(2, more=" é"), build_product(3, price="gratis"), build_product(4)
    )
    path.write_bytes(text.encode("latin-1"))  # but it says utf-8
    done = run_import(path, mapping="onix")
    assert done.returncode == 0, done.stderr
    assert sorted(str(event.source_id) for event in read_observed(path)) == ["r1", "r3", "r4"]
    assert [reason.partition(": 'The Lamp")[0] for reason in read_reasons(path)] == [
        "record 2: title holds bytes that are not of the page's declared charset",
    ]


BOMB = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
<!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
<ONIXMessage><Product>&lol2;</Product></ONIXMessage>"""
OUTSIDE = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<ONIXMessage><Product><RecordReference>&a;</RecordReference></Product></ONIXMessage>"""


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (BOMB, "declares entities"),
        (OUTSIDE, "declares entities"),
        ("<html><body>Not found</body></html>", "root is <html>"),
        (build_message(build_product(1))[:-200], "damaged after record"),
        ("", "damaged after record 0"),
        ("<ONIXMessage/>", "no products"),
        ("\x00\x01\x02", "damaged after record 0"),
        ('<?xml version="1.0" encoding="klingon"?><ONIXMessage/>', "'klingon'"),
        ("<ONIXMessage>" + "<a>" * 5_000, "damaged after record 0"),
    ],
)
def test_entity_bombs_and_other_files_are_rejected_in_one_line(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "feed.xml"
    path.write_text(text)
    with (
        closing(ListingIntake("onix", AT, record="record")) as intake,
        open_feed(path, FeedMapping(source="onix", reader="onix"), intake) as records,
        pytest.raises(Invalid, match=complaint),
    ):
        list(records)


_PEAK = """
import sys
from pathlib import Path
from booksources.feeds import FeedMapping, open_feed
from booksources.intake.intake import ListingIntake
from booksources.onix.reader import read
from booksources.reading import Document, SourceProfile
with Path(sys.argv[1]).open("rb") as body:
    count = sum(1 for _ in read(Document("feed.xml", body), SourceProfile()))
print(count, Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


def test_memory_does_not_grow_with_the_size_of_a_message(tmp_path: Path) -> None:
    peaks = {}
    for count in (500, 10_000):
        path = tmp_path / f"{count}.xml"
        path.write_text(build_message(*(build_product(n) for n in range(count))))
        told = subprocess.run(
            [sys.executable, "-c", _PEAK, str(path)], check=True, capture_output=True, text=True
        )
        rows, kilobytes = map(int, told.stdout.split())
        assert rows == count
        peaks[count] = kilobytes
    assert (tmp_path / "10000.xml").stat().st_size > 15_000_000
    assert peaks[10_000] - peaks[500] < 8_000


def test_real_feeds_are_read_completely(shared_data: Path) -> None:
    counts: Counter[str] = Counter()
    for path in sorted((shared_data / "onix").glob("*.xml*")):
        counts.update("book" if isinstance(each, Book) else "refused" for each in read_books(path))
    assert counts.total() > 450
    assert counts["book"] >= 48


def test_profile_declares_the_currency_of_a_feed_without_one(shared_data: Path) -> None:
    """Peribo's feed has no currency anywhere; its customers know that it is Australian."""
    path = shared_data / "onix" / "yob_Peribo_Onix_0408.xml.gz"
    found = [*read_books(path, SourceProfile(currency="AUD", territory="AU"))]
    assert len(found) == 407
    assert sum(isinstance(book, Book) and book.price is not None for book in found) > 390
