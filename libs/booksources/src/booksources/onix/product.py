"""One ONIX product -> a row of text."""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation

from booksources.onix.elements import Defaults, Element, children, text_of, within

_FORMS = {  # list 7 of ONIX 2.1 and list 150 of 3.0
    "BA": "Book",
    "BB": "Hardback",
    "BC": "Paperback",
    "BD": "Loose-leaf",
    "BE": "Spiral bound",
    "BF": "Pamphlet",
    "BG": "Leather",
    "BH": "Board book",
    "BI": "Rag book",
    "BJ": "Bath book",
    "BK": "Novelty book",
    "BM": "Big book",
    "AA": "Audio",
    "AC": "Audio CD",
    "AJ": "Audio download",
    "DG": "E-book",
    "EA": "E-book",
    "ED": "E-book",
}
_ISBN13, _EAN, _ISBN10 = "15", "03", "02"
_RETAIL = ("02", "01", "04", "03", "41", "42")
"""Types of price, the most wanted first: what a reader pays, with tax before without."""
_WRITERS = ("A01", "A02", "B01", "B06", "A12", "")
_MEASURES = {"01": "height", "02": "width", "03": "thickness", "08": "weight"}
_MILLIMETRES = {"mm": Decimal(1), "cm": Decimal(10), "in": Decimal("25.4")}
_GRAMS = {"gr": Decimal(1), "kg": Decimal(1_000), "oz": Decimal("28.349523"), "lb": Decimal("453.59237")}
_DESCRIPTIONS = ("03", "01", "02")
_DATE = re.compile(r"(\d{4})(?:-?(\d\d))?(?:-?(\d\d))?(?:T.*)?")
_TAG = re.compile(r"<[^>]{0,200}>")


def row_of(product: Element, defaults: Defaults) -> dict[str, str]:
    """With every one of COLUMNS."""
    return {name: read(product, defaults) for name, read in _COLUMNS.items()}


def _own(product: Element, *names: str) -> Iterator[Element]:
    """Of the product itself, not of the collections and parts that it names."""
    for place in (product, *children(product, "descriptivedetail")):
        yield from children(place, *names)


def _id(product: Element, *kinds: str) -> str:
    for kind in kinds:
        for each in children(product, "productidentifier"):
            if text_of(each, "productidtype") == kind and (value := text_of(each, "idvalue")):
                return value
    return ""


def _isbn(product: Element, _: Defaults) -> str:
    ean = _id(product, _EAN)
    found = _id(product, _ISBN13) or (ean if ean.startswith(("978", "979")) else "") or _id(product, _ISBN10)
    return found or text_of(product, "ean13") or text_of(product, "isbn")


def _title_element(product: Element) -> Element | None:
    """The distinctive title: type 01, of the product itself (level 01)."""
    titles = [*_own(product, "title", "titledetail")]
    chosen = [each for each in titles if text_of(each, "titletype") in ("01", "")] or titles
    for title in chosen:
        levels = [*children(title, "titleelement")]
        own = [each for each in levels if text_of(each, "titleelementlevel") == "01"]
        return (own or levels or [title])[0]
    return None


def _title(product: Element, _: Defaults) -> str:
    found = _title_element(product)
    whole = text_of(found, "titletext") if found is not None else ""
    if found is not None and not whole:
        parts = (text_of(found, "titleprefix"), text_of(found, "titlewithoutprefix"))
        whole = " ".join(part for part in parts if part)
    return whole or text_of(product, "distinctivetitle")


def _subtitle(product: Element, _: Defaults) -> str:
    found = _title_element(product)
    return text_of(found, "subtitle") if found is not None else ""


def _authors(product: Element, _: Defaults) -> str:
    people = [*_own(product, "contributor")]
    for role in _WRITERS:
        names = [_person(each) for each in people if text_of(each, "contributorrole") == role]
        if any(names):
            return "; ".join(name.replace(";", ",") for name in names if name)
    return ""


def _person(contributor: Element) -> str:
    name = text_of(contributor, "personname")
    if name:
        return name
    last, _, first = text_of(contributor, "personnameinverted").partition(",")
    if last:
        return f"{first.strip()} {last.strip()}".strip()
    parts = (text_of(contributor, "namesbeforekey"), text_of(contributor, "keynames"))
    return " ".join(part for part in parts if part) or text_of(contributor, "corporatename")


def _publisher(product: Element, _: Defaults) -> str:
    publishers = [*within(product, "publisher")]
    main = [each for each in publishers if text_of(each, "publishingrole") in ("01", "")]
    for each in (*main, *publishers, *within(product, "imprint")):
        if name := text_of(each, "publishername", "imprintname"):
            return name
    return text_of(product, "publishername")


def _published(product: Element, _: Defaults) -> str:
    told = [
        text_of(each, "date")
        for each in within(product, "publishingdate")
        if text_of(each, "publishingdaterole") in ("01", "11")
    ]
    match = _DATE.fullmatch(next((text for text in (*told, text_of(product, "publicationdate")) if text), ""))
    return "-".join(part for part in match.groups() if part and part != "00") if match else ""


def _pages(product: Element, _: Defaults) -> str:
    if told := text_of(product, "numberofpages"):
        return told
    extents = {
        text_of(each, "extenttype"): text_of(each, "extentvalue")
        for each in within(product, "extent")
        if text_of(each, "extentunit") in ("03", "")
    }
    return next((extents[kind] for kind in ("00", "11", "10", "07", "08") if kind in extents), "")


def _form(product: Element, _: Defaults) -> str:
    code = next((text_of(each) for each in within(product, "productform")), "")
    return _FORMS.get(code, code)


def _edition(product: Element, _: Defaults) -> str:
    return next((text_of(each) for each in within(product, "editionstatement", "editionnumber")), "")


def _language(product: Element, defaults: Defaults) -> str:
    codes = {
        text_of(each, "languagerole"): text_of(each, "languagecode") for each in within(product, "language")
    }
    return codes.get("01", "") or defaults.language


def _category(product: Element, _: Defaults) -> str:
    subjects = [*within(product, "subject", "mainsubject")]
    words = (text_of(each, "subjectheadingtext") for each in subjects)
    codes = (text_of(each, "subjectcode") for each in subjects)
    main = (text_of(each) for each in within(product, "basicmainsubject", "bicmainsubject"))
    return next((text for part in (words, main, codes) for text in part if text), "")


def _description(product: Element, _: Defaults) -> str:
    told = {
        text_of(each, "texttypecode", "texttype"): text_of(each, "text")
        for each in within(product, "othertext", "textcontent")
    }
    found = next((told[kind] for kind in _DESCRIPTIONS if told.get(kind)), "")
    return " ".join(_TAG.sub(" ", found or text_of(product, "maindescription")).split())


def _priced(product: Element, defaults: Defaults) -> Element | None:
    """The price that a reader pays, the first of its kind; None where there is no amount."""
    prices = [each for each in within(product, "price") if text_of(each, "priceamount")]
    kinds = [text_of(each, "pricetype", "pricetypecode") or defaults.price_type for each in prices]
    for kind in (*_RETAIL, ""):
        if kind in kinds:
            return prices[kinds.index(kind)]
    return prices[0] if prices else None


def _price(product: Element, defaults: Defaults) -> str:
    return text_of(_priced(product, defaults), "priceamount")


def _currency(product: Element, defaults: Defaults) -> str:
    found = _priced(product, defaults)
    return (text_of(found, "currencycode") or defaults.currency) if found is not None else ""


def _measures(product: Element) -> dict[str, str]:
    """In mm and g, as a whole number; what has another unit is left out."""
    found = {}
    for each in _own(product, "measure"):
        name = _MEASURES.get(text_of(each, "measuretype", "measuretypecode"))
        unit = text_of(each, "measureunitcode")
        scale = (_GRAMS if name == "weight" else _MILLIMETRES).get(unit)
        if name and scale:
            try:
                found[name] = f"{Decimal(text_of(each, 'measurement')) * scale:.0f}"
            except InvalidOperation:
                continue
    return found


def _dimensions(product: Element, _: Defaults) -> str:
    told = _measures(product)
    sizes = [told[name] for name in ("width", "height", "thickness") if name in told]
    return f"{' x '.join(sizes)} mm" if {"width", "height"} <= told.keys() and "0" not in sizes else ""


def _weight(product: Element, _: Defaults) -> str:
    grams = _measures(product).get("weight", "0")
    return f"{grams} g" if grams != "0" else ""


_COLUMNS: dict[str, Callable[[Element, Defaults], str]] = {
    "reference": lambda product, _: text_of(product, "recordreference"),
    "isbn": _isbn,
    "title": _title,
    "subtitle": _subtitle,
    "authors": _authors,
    "publisher": _publisher,
    "published": _published,
    "pages": _pages,
    "format": _form,
    "edition": _edition,
    "language": _language,
    "category": _category,
    "description": _description,
    "price": _price,
    "currency": _currency,
    "dimensions": _dimensions,
    "weight": _weight,
}
COLUMNS = tuple(_COLUMNS)
"""Of a row, in order; `dimensions` as 130 x 205 mm, `weight` as 350 g, `authors` with `; ` between."""
