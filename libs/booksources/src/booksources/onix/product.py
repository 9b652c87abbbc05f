"""Converts one ONIX product to a row of text."""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation

from booksources.onix.elements import Element, MessageDefaults, find_children, find_descendants, get_text

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
"""Price types by preference: retail prices first, with tax before without."""
_WRITERS = ("A01", "A02", "B01", "B06", "A12", "")
_MEASURES = {"01": "height", "02": "width", "03": "thickness", "08": "weight"}
_MILLIMETRES = {"mm": Decimal(1), "cm": Decimal(10), "in": Decimal("25.4")}
_GRAMS = {"gr": Decimal(1), "kg": Decimal(1_000), "oz": Decimal("28.349523"), "lb": Decimal("453.59237")}
_DESCRIPTIONS = ("03", "01", "02")
_DATE = re.compile(r"(\d{4})(?:-?(\d\d))?(?:-?(\d\d))?(?:T.*)?")
_TAG = re.compile(r"<[^>]{0,200}>")


def parse_product(product: Element, defaults: MessageDefaults) -> dict[str, str]:
    """A row with every column of COLUMNS; missing values are empty."""
    return {name: read(product, defaults) for name, read in _COLUMNS.items()}


def _find_own(product: Element, *names: str) -> Iterator[Element]:
    """Elements of the product itself, not of its collections and parts."""
    for place in (product, *find_children(product, "descriptivedetail")):
        yield from find_children(place, *names)


def _find_identifier(product: Element, *kinds: str) -> str:
    for kind in kinds:
        for element in find_children(product, "productidentifier"):
            if get_text(element, "productidtype") == kind and (value := get_text(element, "idvalue")):
                return value
    return ""


def _read_isbn(product: Element, _: MessageDefaults) -> str:
    ean = _find_identifier(product, _EAN)
    isbn = (
        _find_identifier(product, _ISBN13)
        or (ean if ean.startswith(("978", "979")) else "")
        or _find_identifier(product, _ISBN10)
    )
    return isbn or get_text(product, "ean13") or get_text(product, "isbn")


def _find_title(product: Element) -> Element | None:
    """The distinctive title: type 01, of the product itself (level 01)."""
    titles = [*_find_own(product, "title", "titledetail")]
    chosen = [element for element in titles if get_text(element, "titletype") in ("01", "")] or titles
    for title in chosen:
        levels = [*find_children(title, "titleelement")]
        own = [element for element in levels if get_text(element, "titleelementlevel") == "01"]
        return (own or levels or [title])[0]
    return None


def _read_title(product: Element, _: MessageDefaults) -> str:
    title = _find_title(product)
    whole = get_text(title, "titletext") if title is not None else ""
    if title is not None and not whole:
        parts = (get_text(title, "titleprefix"), get_text(title, "titlewithoutprefix"))
        whole = " ".join(part for part in parts if part)
    return whole or get_text(product, "distinctivetitle")


def _read_subtitle(product: Element, _: MessageDefaults) -> str:
    title = _find_title(product)
    return get_text(title, "subtitle") if title is not None else ""


def _read_authors(product: Element, _: MessageDefaults) -> str:
    people = [*_find_own(product, "contributor")]
    for role in _WRITERS:
        names = [_read_person(element) for element in people if get_text(element, "contributorrole") == role]
        if any(names):
            return "; ".join(name.replace(";", ",") for name in names if name)
    return ""


def _read_person(contributor: Element) -> str:
    name = get_text(contributor, "personname")
    if name:
        return name
    last, _, first = get_text(contributor, "personnameinverted").partition(",")
    if last:
        return f"{first.strip()} {last.strip()}".strip()
    parts = (get_text(contributor, "namesbeforekey"), get_text(contributor, "keynames"))
    return " ".join(part for part in parts if part) or get_text(contributor, "corporatename")


def _read_publisher(product: Element, _: MessageDefaults) -> str:
    publishers = [*find_descendants(product, "publisher")]
    main = [element for element in publishers if get_text(element, "publishingrole") in ("01", "")]
    for element in (*main, *publishers, *find_descendants(product, "imprint")):
        if name := get_text(element, "publishername", "imprintname"):
            return name
    return get_text(product, "publishername")


def _read_publication_date(product: Element, _: MessageDefaults) -> str:
    dates = [
        get_text(element, "date")
        for element in find_descendants(product, "publishingdate")
        if get_text(element, "publishingdaterole") in ("01", "11")
    ]
    match = _DATE.fullmatch(
        next((text for text in (*dates, get_text(product, "publicationdate")) if text), "")
    )
    return "-".join(part for part in match.groups() if part and part != "00") if match else ""


def _read_pages(product: Element, _: MessageDefaults) -> str:
    if pages := get_text(product, "numberofpages"):
        return pages
    extents = {
        get_text(element, "extenttype"): get_text(element, "extentvalue")
        for element in find_descendants(product, "extent")
        if get_text(element, "extentunit") in ("03", "")
    }
    return next((extents[kind] for kind in ("00", "11", "10", "07", "08") if kind in extents), "")


def _read_format(product: Element, _: MessageDefaults) -> str:
    code = next((get_text(element) for element in find_descendants(product, "productform")), "")
    return _FORMS.get(code, code)


def _read_edition(product: Element, _: MessageDefaults) -> str:
    return next(
        (get_text(element) for element in find_descendants(product, "editionstatement", "editionnumber")), ""
    )


def _read_language(product: Element, defaults: MessageDefaults) -> str:
    codes = {
        get_text(element, "languagerole"): get_text(element, "languagecode")
        for element in find_descendants(product, "language")
    }
    return codes.get("01", "") or defaults.language


def _read_category(product: Element, _: MessageDefaults) -> str:
    subjects = [*find_descendants(product, "subject", "mainsubject")]
    words = (get_text(element, "subjectheadingtext") for element in subjects)
    codes = (get_text(element, "subjectcode") for element in subjects)
    main = (get_text(element) for element in find_descendants(product, "basicmainsubject", "bicmainsubject"))
    return next((text for part in (words, main, codes) for text in part if text), "")


def _read_description(product: Element, _: MessageDefaults) -> str:
    texts = {
        get_text(element, "texttypecode", "texttype"): get_text(element, "text")
        for element in find_descendants(product, "othertext", "textcontent")
    }
    text = next((texts[kind] for kind in _DESCRIPTIONS if texts.get(kind)), "")
    return " ".join(_TAG.sub(" ", text or get_text(product, "maindescription")).split())


def _find_price(product: Element, defaults: MessageDefaults) -> Element | None:
    """The preferred retail price; None where no price has an amount."""
    prices = [element for element in find_descendants(product, "price") if get_text(element, "priceamount")]
    kinds = [get_text(element, "pricetype", "pricetypecode") or defaults.price_type for element in prices]
    for kind in (*_RETAIL, ""):
        if kind in kinds:
            return prices[kinds.index(kind)]
    return prices[0] if prices else None


def _read_price(product: Element, defaults: MessageDefaults) -> str:
    return get_text(_find_price(product, defaults), "priceamount")


def _read_currency(product: Element, defaults: MessageDefaults) -> str:
    price = _find_price(product, defaults)
    return (get_text(price, "currencycode") or defaults.currency) if price is not None else ""


def _read_measures(product: Element) -> dict[str, str]:
    """Measures in mm and g as whole numbers; measures in other units are skipped."""
    measures = {}
    for element in _find_own(product, "measure"):
        name = _MEASURES.get(get_text(element, "measuretype", "measuretypecode"))
        unit = get_text(element, "measureunitcode")
        scale = (_GRAMS if name == "weight" else _MILLIMETRES).get(unit)
        if name and scale:
            try:
                measures[name] = f"{Decimal(get_text(element, 'measurement')) * scale:.0f}"
            except InvalidOperation:
                continue
    return measures


def _format_dimensions(product: Element, _: MessageDefaults) -> str:
    measures = _read_measures(product)
    sizes = [measures[name] for name in ("width", "height", "thickness") if name in measures]
    return f"{' x '.join(sizes)} mm" if {"width", "height"} <= measures.keys() and "0" not in sizes else ""


def _format_weight(product: Element, _: MessageDefaults) -> str:
    grams = _read_measures(product).get("weight", "0")
    return f"{grams} g" if grams != "0" else ""


_COLUMNS: dict[str, Callable[[Element, MessageDefaults], str]] = {
    "reference": lambda product, _: get_text(product, "recordreference"),
    "isbn": _read_isbn,
    "title": _read_title,
    "subtitle": _read_subtitle,
    "authors": _read_authors,
    "publisher": _read_publisher,
    "published": _read_publication_date,
    "pages": _read_pages,
    "format": _read_format,
    "edition": _read_edition,
    "language": _read_language,
    "category": _read_category,
    "description": _read_description,
    "price": _read_price,
    "currency": _read_currency,
    "dimensions": _format_dimensions,
    "weight": _format_weight,
}
COLUMNS = tuple(_COLUMNS)
"""Columns of a row in order; `dimensions` as 130 x 205 mm, `weight` as 350 g, `authors` separated by `; `."""
