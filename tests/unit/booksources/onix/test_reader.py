"""Products of ONIX messages as listings."""

import io
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from gzip import GzipFile
from pathlib import Path

import pytest

from bookcore.domain.errors import Invalid
from bookcore.domain.listing import NormalisedListing, normalise_listing
from bookcore.domain.normalise import Origin
from bookcore.domain.printed_listing import PrintedListing, PrintedOffer
from booksources.onix.contributors import restore_name
from booksources.onix.dates import parse_date, parse_sent_at
from booksources.onix.reader import read
from booksources.reading import Document, Gone, Listing, Parked, ReadItem, SourceProfile

PROFILE = SourceProfile(currency="GBP", territory="GB")
TITLE = (
    "<TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>01</TitleElementLevel>"
    "<TitleText>The Lamp</TitleText>{subtitle}</TitleElement></TitleDetail>"
)


def read_message(*products: str, header: str = "") -> list[ReadItem]:
    message = f"<ONIXMessage>{header}{''.join(products)}</ONIXMessage>"
    return [*read(Document("file:feed.xml", io.BytesIO(message.encode())), PROFILE)]


def build_product(*, detail: str = "", more: str = "", subtitle: str = "", kind: str = "03") -> str:
    return (
        f"<Product><RecordReference>r1</RecordReference><NotificationType>{kind}</NotificationType>"
        f"<DescriptiveDetail>{TITLE.format(subtitle=subtitle)}{detail}</DescriptiveDetail>{more}</Product>"
    )


def read_listing(**parts: str) -> PrintedListing:
    (item,) = read_message(build_product(**parts))
    assert isinstance(item, Listing)
    return item.printed


def read_offers(supply: str) -> tuple[PrintedOffer, ...]:
    return read_listing(more=f"<ProductSupply><SupplyDetail>{supply}</SupplyDetail></ProductSupply>").offers


@pytest.mark.parametrize(
    ("person", "name"),
    [
        ("<PersonName>Ana Huang</PersonName><KeyNames>Huang</KeyNames>", "Ana Huang"),
        ("<NamesBeforeKey>Ana</NamesBeforeKey><KeyNames>Huang</KeyNames>", "Ana Huang"),
        (
            "<NamesBeforeKey>Ludwig</NamesBeforeKey><PrefixToKey>van</PrefixToKey><KeyNames>Beethoven</KeyNames>",
            "Ludwig van Beethoven",
        ),
        (
            "<NamesBeforeKey>Henry</NamesBeforeKey><KeyNames>Tudor</KeyNames><NamesAfterKey>III</NamesAfterKey>",
            "Henry Tudor III",
        ),
        (
            "<TitlesBeforeNames>Dr</TitlesBeforeNames><NamesBeforeKey>Bo</NamesBeforeKey><KeyNames>Li</KeyNames>"
            "<LettersAfterNames>PhD</LettersAfterNames>",
            "Dr Bo Li, PhD",
        ),
        ("<PersonNameInverted>Huang, Ana</PersonNameInverted>", "Ana Huang"),
        ("<CorporateName>House, Sons and Co.</CorporateName>", "House, Sons and Co."),
        ("<UnnamedPersons>04</UnnamedPersons>", "Various authors"),
    ],
)
def test_names_are_composed_in_display_order(person: str, name: str) -> None:
    listing = read_listing(
        detail=f"<Contributor><ContributorRole>A01</ContributorRole>{person}</Contributor>"
    )
    assert [contributor.name for contributor in listing.contributors] == [name]


@pytest.mark.parametrize(
    ("inverted", "name"),
    [
        ("King, Martin Luther, Jr.", "Martin Luther King, Jr."),
        ("King, Martin Luther, III", "Martin Luther King, III"),
        ("Homer", "Homer"),
        ("Davis, Jr.", "Davis, Jr."),
        ("de la Cruz, Juana", "Juana de la Cruz"),
    ],
)
def test_an_inverted_name_keeps_its_suffix_at_the_end(inverted: str, name: str) -> None:
    assert restore_name(inverted) == name


def test_contributors_come_by_their_sequence_number_with_their_roles() -> None:
    people = [("3", "B06", "Tr"), ("1", "A01", "Au"), ("", "Z98", "No"), ("2", "A12", "Il")]
    detail = "".join(
        f"<Contributor>{f'<SequenceNumber>{number}</SequenceNumber>' if number else ''}"
        f"<ContributorRole>{role}</ContributorRole><PersonName>{name}</PersonName></Contributor>"
        for number, role, name in people
    )
    found = [(one.name, one.role) for one in read_listing(detail=detail).contributors]
    assert found == [("Au", "author"), ("Il", "illustrator"), ("Tr", "translator"), ("No", "contributor")]


@pytest.mark.parametrize(
    ("text", "form", "date"),
    [
        ("20210315", "00", "2021-03-15"),
        ("20210315", "", "2021-03-15"),
        ("202103", "01", "2021-03"),
        ("202103", "", "2021-03"),
        ("202113", "", None),
        ("202142", "02", "2021"),
        ("20213", "03", "2021"),
        ("20213", "04", "2021"),
        ("2021", "05", "2021"),
        ("2021031520210401", "06", "2021-03-15"),
        ("spring 2021", "12", None),
        ("2021", "12", "2021"),
        ("20210315T1200", "13", "2021-03-15"),
        ("14420801", "20", None),
        ("1442", "25", None),
        ("20210900", "00", "2021-09"),
        ("20210230", "00", None),
        ("2021-03-15", "", "2021-03-15"),
        ("2021-03-15T00:00:00", "", "2021-03-15"),
        ("soon", "", None),
        ("", "", None),
    ],
)
def test_dates_are_read_by_their_format(text: str, form: str, date: str | None) -> None:
    assert parse_date(text, form) == date


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("20210315", datetime(2021, 3, 15, tzinfo=UTC)),
        ("202103151430", datetime(2021, 3, 15, 14, 30, tzinfo=UTC)),
        ("20210315T143005Z", datetime(2021, 3, 15, 14, 30, 5, tzinfo=UTC)),
        ("20210315T1430-0500", datetime(2021, 3, 15, 14, 30, tzinfo=timezone(timedelta(hours=-5)))),
        ("20211315", None),
        ("yesterday", None),
    ],
)
def test_the_header_says_when_the_message_was_sent(text: str, moment: datetime | None) -> None:
    assert parse_sent_at(text) == moment


def test_an_unreadable_date_costs_the_date_and_not_the_book() -> None:
    date = "<PublishingDate><PublishingDateRole>01</PublishingDateRole><Date>20211345</Date></PublishingDate>"
    listing = read_listing(more=f"<PublishingDetail>{date}</PublishingDetail>")
    assert (listing.title, listing.published) == ("The Lamp", None)
    assert [(remark.field, remark.printed) for remark in listing.remarks] == [("published", "20211345")]


def test_every_price_is_kept_with_type_territory_period_and_quantity() -> None:
    offers = read_offers(
        "<Supplier><SupplierName>House</SupplierName></Supplier>"
        "<ProductAvailability>20</ProductAvailability><Stock><OnHand>7</OnHand></Stock>"
        "<Price><PriceType>41</PriceType><PriceAmount>8.00</PriceAmount><CurrencyCode>EUR</CurrencyCode>"
        "<Territory><CountriesIncluded>DE AT</CountriesIncluded></Territory></Price>"
        "<Price><PriceType>42</PriceType><MinimumOrderQuantity>10</MinimumOrderQuantity>"
        "<PriceAmount>9.99</PriceAmount><PriceDate><PriceDateRole>14</PriceDateRole>"
        '<Date dateformat="00">20210101</Date></PriceDate><PriceDate><PriceDateRole>15</PriceDateRole>'
        '<Date dateformat="00">20210131</Date></PriceDate>'
        "<Territory><RegionsIncluded>WORLD</RegionsIncluded><CountriesExcluded>US</CountriesExcluded></Territory>"
        "</Price><Price><PriceType>05</PriceType><PriceAmount>3.00</PriceAmount></Price>"
    )
    assert {(offer.seller, offer.availability, offer.quantity) for offer in offers} == {
        ("House", "in_stock", "7")
    }
    assert [(offer.price, offer.price_type, offer.territories) for offer in offers] == [
        ("8.00 EUR", "consumer_without_tax", ("DE", "AT")),
        ("9.99 GBP", "consumer_with_tax", ("WORLD",)),
        ("3.00 GBP", "trade", ()),
    ]
    assert offers[1].excluded_territories == ("US",)
    assert (offers[1].valid_from, offers[1].valid_until) == ("2021-01-01", "2021-01-31")
    assert offers[1].minimum_quantity == "10"


@pytest.mark.parametrize(
    ("qualifier", "price_type", "price_qualifier"),
    [
        ("05", "consumer_with_tax", None),
        ("08", "consumer_with_tax", "promotion"),
        ("10", "library_with_tax", None),
        ("01", "other", "onix_01"),
        ("03", "other", "onix_03"),
    ],
)
def test_the_qualifier_tells_for_whom_a_price_is(
    qualifier: str, price_type: str, price_qualifier: str | None
) -> None:
    (offer,) = read_offers(
        f"<Price><PriceType>02</PriceType><PriceQualifier>{qualifier}</PriceQualifier>"
        "<PriceAmount>9.99</PriceAmount></Price>"
    )
    assert (offer.price_type, offer.price_qualifier) == (price_type, price_qualifier)


def test_a_price_with_an_unreadable_period_is_no_usual_price() -> None:
    (offer,) = read_offers(
        "<Price><PriceType>02</PriceType><PriceAmount>9.99</PriceAmount><PriceDate>"
        "<PriceDateRole>15</PriceDateRole><Date>soon</Date></PriceDate></Price>"
    )
    assert (offer.price_type, offer.price_qualifier) == ("other", "unreadable_period")


def test_prices_of_the_older_version_have_their_territories_and_periods() -> None:
    (item,) = read_message(
        "<Product><RecordReference>r1</RecordReference><Title><TitleType>01</TitleType>"
        "<TitleText>The Lamp</TitleText></Title><SupplyDetail><AvailabilityCode>NP</AvailabilityCode>"
        "<Price><PriceTypeCode>02</PriceTypeCode><PriceAmount>5.00</PriceAmount>"
        "<CountryCode>GB IE</CountryCode><PriceEffectiveFrom>20210101</PriceEffectiveFrom></Price>"
        "</SupplyDetail></Product>"
    )
    assert isinstance(item, Listing)
    assert item.printed.offers == (
        PrintedOffer(
            price="5.00 GBP",
            price_type="consumer_with_tax",
            territories=("GB", "IE"),
            availability="preorder",
            valid_from="2021-01-01",
        ),
    )


@pytest.mark.parametrize(
    ("code", "status"),
    [("10", "preorder"), ("20", "in_stock"), ("22", "in_stock"), ("31", "out_of_stock"), ("51", "delisted")],
)
def test_availability_is_read_without_a_price(code: str, status: str) -> None:
    (offer,) = read_offers(
        f"<ProductAvailability>{code}</ProductAvailability><UnpricedItemType>04</UnpricedItemType>"
    )
    assert (offer.price, offer.unpriced, offer.availability) == (None, "on_request", status)


def test_the_market_of_a_supply_is_the_territory_of_its_prices() -> None:
    listing = read_listing(
        more="<ProductSupply><Market><Territory><CountriesIncluded>FR</CountriesIncluded></Territory></Market>"
        "<SupplyDetail><Price><PriceType>02</PriceType><PriceAmount>9.99</PriceAmount></Price></SupplyDetail>"
        "</ProductSupply>"
    )
    assert listing.offers[0].territories == ("FR",)


def test_a_description_is_plain_text_whichever_way_it_is_marked() -> None:
    for text in (
        "<Text>&lt;p&gt;Tom &amp;amp; J&amp;#8217;s&lt;/p&gt;&lt;p&gt;Two&lt;/p&gt;</Text>",
        '<Text textformat="05"><p>Tom &amp; J\u2019s</p><p>Two</p></Text>',
        "<Text><![CDATA[<p>Tom &amp; J&#8217;s</p><p>Two</p>]]></Text>",
    ):
        more = (
            f"<CollateralDetail><TextContent><TextType>03</TextType>{text}</TextContent></CollateralDetail>"
        )
        assert read_listing(more=more).description == "Tom & J\u2019s\nTwo"


def test_subtitle_series_subjects_and_cover_are_read() -> None:
    listing = read_listing(
        subtitle="<Subtitle>A light</Subtitle>",
        detail="<Collection><TitleDetail><TitleType>01</TitleType><TitleElement>"
        "<TitleElementLevel>01</TitleElementLevel><PartNumber>2</PartNumber></TitleElement><TitleElement>"
        "<TitleElementLevel>02</TitleElementLevel><TitleText>Lights</TitleText></TitleElement></TitleDetail>"
        "</Collection><Subject><SubjectSchemeIdentifier>10</SubjectSchemeIdentifier>"
        "<SubjectCode>FIC022000</SubjectCode>"
        "<SubjectHeadingText>FICTION / Crime</SubjectHeadingText></Subject>",
        more="<CollateralDetail><SupportingResource><ResourceContentType>01</ResourceContentType>"
        "<ResourceVersion><ResourceLink>https://x.example/c.jpg</ResourceLink></ResourceVersion>"
        "</SupportingResource></CollateralDetail>",
    )
    assert (listing.subtitle, listing.covers) == ("A light", ("https://x.example/c.jpg",))
    assert [(one.name, one.number) for one in listing.series] == [("Lights", "2")]
    assert [(one.scheme, one.code, one.heading) for one in listing.subjects] == [
        ("bisac", "FIC022000", "FICTION / Crime")
    ]
    assert listing.category == "FICTION / Crime"


def test_a_deleted_product_is_gone_with_the_time_of_the_message() -> None:
    header = "<Header><SentDateTime>20210315T1430Z</SentDateTime></Header>"
    (item,) = read_message(build_product(kind="05"), header=header)
    assert item == Gone(
        "r1", "the sender deleted the product", as_of=datetime(2021, 3, 15, 14, 30, tzinfo=UTC)
    )


def test_an_update_states_the_blocks_that_it_has_and_one_with_all_blocks_is_whole() -> None:
    blocks = "<CollateralDetail/><PublishingDetail/><ProductSupply/>"
    supply = (
        "<Product><RecordReference>r1</RecordReference><NotificationType>04</NotificationType>{}</Product>"
    )
    price = "<Price><PriceType>02</PriceType><PriceAmount>7.00</PriceAmount></Price>"
    partial, whole, only_price = read_message(
        build_product(kind="04"),
        build_product(kind="04", more=blocks),
        supply.format(f"<ProductSupply><SupplyDetail>{price}</SupplyDetail></ProductSupply>"),
    )
    assert isinstance(partial, Listing)
    assert isinstance(whole, Listing)
    assert isinstance(only_price, Listing)
    assert (partial.printed.blocks, partial.printed.title) == (("descriptive",), "The Lamp")
    assert whole.printed.blocks == ()
    assert (only_price.printed.blocks, only_price.printed.title) == (("supply",), None)
    assert [offer.price for offer in only_price.printed.offers] == ["7.00 GBP"]


def test_an_update_of_onix_2_is_a_whole_product() -> None:
    product = (
        "<Product><RecordReference>r1</RecordReference><NotificationType>04</NotificationType>"
        "<Title><TitleType>01</TitleType><TitleText>The Lamp</TitleText></Title></Product>"
    )
    (item,) = read_message(product)
    assert isinstance(item, Listing)
    assert (item.printed.title, item.printed.blocks) == ("The Lamp", ())


def test_test_records_and_updates_of_other_blocks_are_parked() -> None:
    other = (
        "<Product><RecordReference>r1</RecordReference><NotificationType>04</NotificationType>"
        "<RelatedMaterial/></Product>"
    )
    items = read_message(build_product(kind="88"), build_product(kind="89"), other)
    assert [item.reason for item in items if isinstance(item, Parked)] == [
        "is a test record",
        "is a test record",
        "updates no block that is read",
    ]


def test_a_product_without_reference_or_title_is_parked_and_the_rest_is_read() -> None:
    untitled = "<Product><RecordReference>r2</RecordReference></Product>"
    items = read_message("<Product><Isbn>1</Isbn></Product>", untitled, build_product())
    assert [item.reason for item in items if isinstance(item, Parked)] == [
        "has no RecordReference",
        "has no title",
    ]
    assert sum(isinstance(item, Listing) for item in items) == 1


def test_a_message_that_ends_amid_a_product_gives_the_products_before_it() -> None:
    cut = f"<ONIXMessage>{build_product()}<Product><RecordReference>r2</Rec"
    items = read(Document("file:feed.xml", io.BytesIO(cut.encode())), PROFILE)
    assert isinstance(next(items), Listing)
    with pytest.raises(Invalid):
        next(items)


def test_external_entities_are_refused() -> None:
    message = '<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/passwd">]><ONIXMessage>&e;</ONIXMessage>'
    with pytest.raises(Invalid, match="declares entities"):
        [*read(Document("file:feed.xml", io.BytesIO(message.encode())), PROFILE)]


def test_no_offer_or_subject_is_lost_for_the_words_of_its_code_list() -> None:
    more = (
        "<ProductSupply><SupplyDetail><Price><PriceType>02</PriceType><PriceQualifier>03</PriceQualifier>"
        "<PriceAmount>9.99</PriceAmount></Price></SupplyDetail></ProductSupply>"
    )
    subject = "<SubjectSchemeIdentifier>94</SubjectSchemeIdentifier><SubjectCode>1D</SubjectCode>"
    listing = read_listing(detail=f"<Subject>{subject}</Subject>", more=more)
    origin = Origin("house", "r1", "table:house/r1")
    taken = normalise_listing(origin, listing, datetime(2026, 1, 1, tzinfo=UTC))
    assert isinstance(taken, NormalisedListing)
    assert taken.remarks == ()
    assert [offer.price_qualifier for offer in taken.book.offers] == ["onix_03"]
    assert [one.scheme for one in taken.book.details.subjects] == ["onix_94"]


def test_real_messages_are_read_completely(shared_data: Path) -> None:
    counts: Counter[str] = Counter()
    for path in sorted((shared_data / "onix").glob("*.xml*")):
        with path.open("rb") as file:
            body = GzipFile(fileobj=file) if path.suffix == ".gz" else file
            for item in read(Document(path.name, body), SourceProfile(currency="AUD")):  # type: ignore[arg-type]
                counts[type(item).__name__] += 1
                counts["offers"] += len(item.printed.offers) if isinstance(item, Listing) else 0
    assert counts == {"Listing": 463, "offers": 581}
