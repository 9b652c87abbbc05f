"""Printed prices become an amount with its currency, or are refused with a reason."""

import pytest

from bookcore.domain.currencies import MINOR_DIGITS
from bookcore.domain.errors import Invalid
from bookcore.domain.printed_listing import PrintedOffer
from booksources.cleaning.amounts import parse_amount
from booksources.cleaning.money import read_money, read_price
from booksources.cleaning.words import load_words
from booksources.reading import SourceProfile

US = SourceProfile(currency="USD")
GERMAN = SourceProfile(language="de-DE", decimal=",", currency="EUR")


def in_(currency: str, *, decimal: str | None = None) -> SourceProfile:
    return SourceProfile(currency=currency, decimal=decimal)


@pytest.mark.parametrize(
    ("printed", "profile", "money"),
    [
        ("£51.77", SourceProfile(), "51.77 GBP"),
        ("Â£51.77", SourceProfile(), "51.77 GBP"),
        ("RRP £9.99", SourceProfile(), "9.99 GBP"),
        ("Our price:\u00a0£9.99 incl. VAT", SourceProfile(), "9.99 GBP"),
        ("Price$9.99", US, "9.99 USD"),
        ("$.99", US, "0.99 USD"),
        ("$1,234.50", US, "1234.50 USD"),
        ("$5", SourceProfile(territory="CA"), "5.00 CAD"),
        ("$5", SourceProfile(language="en-AU"), "5.00 AUD"),
        ("US$ 5", SourceProfile(currency="CAD"), "5.00 USD"),
        ("A$9.99", SourceProfile(), "9.99 AUD"),
        ("CA$ 9.90", SourceProfile(), "9.90 CAD"),
        ("NZ$12", SourceProfile(), "12.00 NZD"),
        ("HK$88", SourceProfile(), "88.00 HKD"),
        ("Mex$199", SourceProfile(), "199.00 MXN"),
        ("R$ 9,90", SourceProfile(decimal=","), "9.90 BRL"),
        ("9,90 €", GERMAN, "9.90 EUR"),
        ("1.234,56 EUR", GERMAN, "1234.56 EUR"),
        ("1.234 EUR", GERMAN, "1234.00 EUR"),
        ("1 234,5 €", GERMAN, "1234.50 EUR"),
        ("12,- €", GERMAN, "12.00 EUR"),
        ("29,99 zł", SourceProfile(decimal=","), "29.99 PLN"),
        ("₹1,25,000.00", SourceProfile(), "125000.00 INR"),
        ("Rs. 399", SourceProfile(language="en-IN"), "399.00 INR"),
        ("M.R.P.: ₹399", SourceProfile(), "399.00 INR"),
        ("399 ₽", SourceProfile(), "399.00 RUB"),
        ("₺120", SourceProfile(), "120.00 TRY"),
        ("1.169 din.", SourceProfile(decimal=","), "1169.00 RSD"),
        ("kr 99", in_("NOK"), "99.00 NOK"),
        ("99:-", in_("SEK"), "99.00 SEK"),
        ("99 kr", SourceProfile(language="sv"), "99.00 SEK"),
        ("Fr. 12.50", in_("CHF"), "12.50 CHF"),
        ("1'250.00 CHF", SourceProfile(), "1250.00 CHF"),
        ("Rs.399/-", in_("INR"), "399.00 INR"),
        ("US $12.99", in_("CAD"), "12.99 USD"),
        ("¥1,990", in_("JPY"), "1990 JPY"),
        ("￥1990", SourceProfile(language="ja"), "1990 JPY"),
        ("1990 CLP", SourceProfile(), "1990 CLP"),
        ("1990.00 JPY", SourceProfile(), "1990 JPY"),
        ("1.234 BHD", SourceProfile(), "1.234 BHD"),
        ("£5", in_("GIP"), "5.00 GIP"),
        ("$5.00 CAD", SourceProfile(), "5.00 CAD"),
        ("USD $5.00", SourceProfile(), "5.00 USD"),
        ("EUR12.5", SourceProfile(), "12.50 EUR"),
        ("12 eur", SourceProfile(), "12.00 EUR"),
        ("9.9900", in_("EUR"), "9.99 EUR"),
        ("9.99", in_("GBP"), "9.99 GBP"),
        ("Price - 9.99", in_("GBP"), "9.99 GBP"),
        ("£9.99 £9.99", SourceProfile(), "9.99 GBP"),
        ("A $5", US, "5.00 AUD"),
        ("C $5", US, "5.00 CAD"),
        ("CDN $5", US, "5.00 CAD"),
        ("AUS$5", US, "5.00 AUD"),
        ("us$5", US, "5.00 USD"),
        ("$9.99 + free shipping", US, "9.99 USD"),
        ("Kindle $9.99", US, "9.99 USD"),
    ],
)
def test_price_is_read(printed: str, profile: SourceProfile, money: str) -> None:
    assert read_money(printed, profile) == money


@pytest.mark.parametrize(
    ("printed", "profile", "offer"),
    [
        ("from $5.99", US, PrintedOffer(price="5.99 USD", price_qualifier="from")),
        ("Price starting with $5.99", US, PrintedOffer(price="5.99 USD", price_qualifier="from")),
        ("5.99 - 9.99", US, PrintedOffer(price="5.99 USD", price_qualifier="from")),
        ("$5.99\u2013$9.99", US, PrintedOffer(price="5.99 USD", price_qualifier="from")),
        ("$9.99 to $5.99", US, PrintedOffer(price="5.99 USD", price_qualifier="from")),
        ("5.99+", US, PrintedOffer(price="5.99 USD", price_qualifier="from")),
        ("ab 5,99 €", GERMAN, PrintedOffer(price="5.99 EUR", price_qualifier="from")),
        ("à partir de 5,99 €", GERMAN, PrintedOffer(price="5.99 EUR", price_qualifier="from")),
        (
            "£9.99 excl. VAT",
            SourceProfile(),
            PrintedOffer(price="9.99 GBP", price_type="consumer_without_tax"),
        ),
        ("12,90 € inkl. MwSt. zzgl. Versandkosten", GERMAN, PrintedOffer(price="12.90 EUR")),
        ("Free", US, PrintedOffer(unpriced="free")),
        ("kostenlos!", GERMAN, PrintedOffer(unpriced="free")),
        ("Coming soon", US, PrintedOffer(unpriced="to_be_announced")),
        ("Preis auf Anfrage", GERMAN, PrintedOffer(unpriced="on_request")),
    ],
)
def test_range_tax_and_absence_are_marked(printed: str, profile: SourceProfile, offer: PrintedOffer) -> None:
    assert read_price(printed, profile) == offer


@pytest.mark.parametrize(
    ("printed", "profile", "reason"),
    [
        ("9.99 ZZZ", US, "'ZZZ' is no currency code of ISO 4217"),
        ("ZZZ 9.99", US, "'ZZZ' is no currency code of ISO 4217"),
        ("9.99", in_("ZZZ"), "no currency code of ISO 4217"),
        ("9.99", SourceProfile(), "prints no currency"),
        ("$9.99", SourceProfile(), "the sign of several currencies"),
        ("$9.99", in_("EUR"), "the sign of several currencies"),
        ("kr 99", SourceProfile(), "the sign of several currencies"),
        ("Fr. 12.50", SourceProfile(language="fr"), "the sign of several currencies"),
        ("¥199", SourceProfile(), "the sign of several currencies"),
        ("Rs 199", SourceProfile(), "the sign of several currencies"),
        ("£5.00 USD", SourceProfile(), "different currencies"),
        ("£9.99 €11.99", SourceProfile(), "different currencies"),
        ("Save $3", US, "no price to pay"),
        ("$5 off", US, "no price to pay"),
        ("10% off", US, "percentage"),
        ("$7.50/month", US, "follows the amount"),
        ("$7.50 per month", US, "no price to pay"),
        ("7,50 € im Monat", GERMAN, "no price to pay"),
        ("up to $9.99", US, "only the highest price"),
        ("£8.99 £7.49", SourceProfile(), "several prices"),
        ("was £8.99 now £7.49", SourceProfile(), "no price to pay"),
        ("3 for £10", SourceProfile(), "several prices"),
        ("2 x £4.99", SourceProfile(), "no amount of money|several prices|no sign"),
        ("1,990.50 JPY", SourceProfile(), "more decimals than JPY has"),
        ("9.999 EUR", SourceProfile(), "more decimals than EUR has"),
        ("9.990 EUR", SourceProfile(), "more decimals than EUR has"),
        ("9,99 EUR", SourceProfile(), "decimal point"),
        ("9.99 EUR", GERMAN, "decimal comma"),
        ("1.2.3 EUR", SourceProfile(), "decimal point"),
        ("-5.00", US, "negative"),
        ("\u2212£5.00", SourceProfile(), "negative"),
        ("€ -5.00", SourceProfile(), "negative"),
        ("($5.00)", US, "negative"),
        ("5.00-", US, "negative"),
        ("9999999999.99", US, "more than 9 digits"),
        ("99p", in_("GBP"), "no amount of money"),
        ("99¢", US, "'¢' is no sign of a currency"),
        ("₤5", US, "'₤' is no sign of a currency"),
        ("₿ 0.01", US, "'₿' is no sign of a currency"),
        ("500 GBp", in_("GBP"), "no word of a price"),
        ("about $5", US, "no price to pay"),
        ("ca. 10 €", in_("EUR"), "no price to pay"),
        ("~$5", US, "'~' stands before the amount"),
        ("≥ £5", SourceProfile(), "'≥' stands before the amount"),
        ("< £5", SourceProfile(), "'<' stands before the amount"),
        ("under $10", US, "only the highest price"),
        ("less than £10", SourceProfile(), "only the highest price"),
        ("at least $5", US, "no price to pay"),
        ("minimum order $20", US, "no price to pay"),
        ("Free shipping over $25", US, "no price to pay"),
        ("Earn $5 store credit", US, "no price to pay"),
        ("$25 gift card", US, "no price to pay"),
        ("$7.50 weekly", US, "no price to pay"),
        ("99 cents", US, "no word of a price"),
        ("5 stars", US, "no word of a price"),
        ("out of print", US, "holds no amount"),
        ("", US, "holds no amount"),
        ("£" * 300, US, "is longer than"),
        ("NaN", US, "holds no amount"),
    ],
)
def test_text_that_states_no_single_price_is_refused(
    printed: str, profile: SourceProfile, reason: str
) -> None:
    with pytest.raises(Invalid, match=reason):
        read_price(printed, profile)


def test_lowest_price_of_a_range_is_no_plain_price() -> None:
    with pytest.raises(Invalid, match="lowest price of several"):
        read_money("from $5.99", US)
    with pytest.raises(Invalid, match="states no amount"):
        read_money("free", US)


@pytest.mark.parametrize(
    ("printed", "decimal", "plain"),
    [
        (".5", None, "0.5"),
        (",5", ",", "0.5"),
        ("1,234", None, "1234"),
        ("1.234", ",", "1234"),
        ("1 234 567,80", ",", "1234567.80"),
        ("007", None, "7"),
    ],
)
def test_amount_is_read_by_its_decimal_sign(printed: str, decimal: str | None, plain: str) -> None:
    assert f"{parse_amount(printed, decimal):f}" == plain


@pytest.mark.parametrize("printed", ["1,23", "1,2345", "1 23", "1,234 567", "", ".", "1e5", "٣", "1.2.3"])
def test_amount_of_another_notation_is_refused(printed: str) -> None:
    with pytest.raises(Invalid):
        parse_amount(printed)


def test_signs_and_places_name_currencies_of_iso_4217() -> None:
    tables = load_words("signs")
    codes = {code for table in ("own", "shared") for codes in tables[table].values() for code in codes}
    assert codes | set(tables["places"].values()) <= MINOR_DIGITS.keys()
