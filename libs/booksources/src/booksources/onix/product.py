"""Converts one ONIX product to a listing."""

from collections.abc import Iterator

from bookcore.domain.printed_listing import PrintedListing, PrintedSeries, PrintedSubject, Remark
from booksources.cleaning.html_text import convert_html_to_text, read_element_text
from booksources.cleaning.units import convert_to_grams, convert_to_millimetres
from booksources.cleaning.xml_events import Element
from booksources.onix.code_lists import DESCRIPTIONS, FORMS, MEASURES, SUBJECT_SCHEMES
from booksources.onix.contributors import read_contributors
from booksources.onix.dates import parse_date
from booksources.onix.elements import (
    MessageDefaults,
    find_child,
    find_children,
    find_descendants,
    get_date_format,
    get_text,
)
from booksources.onix.offers import read_offers

_ISBN13, _EAN, _ISBN10 = "15", "03", "02"
_PUBLISHED = ("01", "11", "02")
_PAGES = ("00", "11", "10", "07", "08")
_FRONT_COVER, _OLD_COVERS = "01", ("04", "06")
_TRADE_IDENTIFIERS = {"03": "gtin", "06": "doi", "13": "lccn", "22": "urn", "23": "oclc"}


def parse_product(product: Element, defaults: MessageDefaults) -> PrintedListing:
    """What the product states; a field that can't be read is a remark."""
    remarks: list[Remark] = []
    places = _list_places(product)
    measures = _read_measures(product, remarks)
    return PrintedListing(
        title=_read_title(product) or None,
        subtitle=_read_subtitle(product) or None,
        contributors=read_contributors(places),
        identifiers=_read_identifiers(product),
        publisher=_read_publisher(product) or None,
        imprint=next((get_text(e, "imprintname") for e in find_descendants(product, "imprint")), "") or None,
        published=_read_publication_date(product, remarks),
        format=_read_format(product) or None,
        pages=_read_pages(product) or None,
        languages=_read_languages(product, defaults),
        series=_read_series(product),
        subjects=tuple(_read_subjects(product)),
        category=_read_category(product) or None,
        description=_read_description(product) or None,
        covers=_read_covers(product),
        dimensions=measures.get("dimensions"),
        weight=measures.get("weight"),
        edition=_read_edition(product) or None,
        offers=read_offers(product, defaults, remarks),
        remarks=tuple(remarks),
    )


def _list_places(product: Element) -> list[Element]:
    """The product and its descriptive detail: not its collections and parts."""
    return [product, *find_children(product, "descriptivedetail")]


def _find_own(product: Element, *names: str) -> Iterator[Element]:
    return (element for place in _list_places(product) for element in find_children(place, *names))


def _read_identifiers(product: Element) -> dict[str, str]:
    by_type: dict[str, str] = {}
    for element in find_children(product, "productidentifier"):
        if value := get_text(element, "idvalue"):
            by_type.setdefault(get_text(element, "productidtype"), value)
    ean = by_type.get(_EAN, "")
    isbn = (
        by_type.get(_ISBN13)
        or (ean if ean.startswith(("978", "979")) else "")
        or by_type.get(_ISBN10)
        or get_text(product, "ean13", "isbn")
    )
    others = {name: by_type[code] for code, name in _TRADE_IDENTIFIERS.items() if code in by_type}
    if others.get("gtin", "").startswith(("978", "979")):
        others.pop("gtin")
    return ({"isbn": isbn} if isbn else {}) | others


def _find_title(product: Element) -> Element | None:
    """The distinctive title: type 01, of the product itself (level 01)."""
    titles = [*_find_own(product, "title", "titledetail")]
    chosen = [element for element in titles if get_text(element, "titletype") in ("01", "")] or titles
    for title in chosen:
        levels = [*find_children(title, "titleelement")]
        own = [element for element in levels if get_text(element, "titleelementlevel") == "01"]
        return (own or levels or [title])[0]
    return None


def _read_title(product: Element) -> str:
    title = _find_title(product)
    return _compose_title(title) or get_text(product, "distinctivetitle")


def _compose_title(element: Element | None) -> str:
    if whole := get_text(element, "titletext"):
        return whole
    parts = (get_text(element, "titleprefix"), get_text(element, "titlewithoutprefix"))
    return " ".join(part for part in parts if part) if element is not None else ""


def _read_subtitle(product: Element) -> str:
    title = _find_title(product)
    return get_text(title, "subtitle") if title is not None else get_text(product, "subtitle")


def _read_series(product: Element) -> tuple[PrintedSeries, ...]:
    return tuple(
        PrintedSeries(name=name, number=number or None)
        for name, number in (
            *map(_read_old_series, _find_own(product, "series")),
            *map(_read_collection, _find_own(product, "collection")),
        )
        if name
    )


def _read_old_series(series: Element) -> tuple[str, str]:
    """Name and number of a series of ONIX 2.1."""
    name = get_text(series, "titleofseries") or _compose_title(find_child(series, "title"))
    return name, get_text(series, "numberwithinseries")


def _read_collection(collection: Element) -> tuple[str, str]:
    """Name of a collection (level 02) and the number of the product in it."""
    elements = [*find_descendants(collection, "titleelement")]
    named = [e for e in elements if get_text(e, "titleelementlevel") in ("02", "")]
    places = find_descendants(collection, "partnumber", "collectionsequencenumber")
    numbers = [text for element in places if (text := get_text(element))]
    return (_compose_title(named[0]) if named else "", next(iter(numbers), ""))


def _read_publisher(product: Element) -> str:
    publishers = [*find_descendants(product, "publisher")]
    main = [element for element in publishers if get_text(element, "publishingrole") in ("01", "")]
    for element in (*main, *publishers, *find_descendants(product, "imprint")):
        if name := get_text(element, "publishername", "imprintname"):
            return name
    return get_text(product, "publishername")


def _read_publication_date(product: Element, remarks: list[Remark]) -> str | None:
    texts: dict[str, tuple[str, str]] = {}
    for element in find_descendants(product, "publishingdate"):
        form = get_date_format(find_child(element, "date"))
        role = get_text(element, "publishingdaterole")
        texts.setdefault(role, (get_text(element, "date"), form or get_text(element, "dateformat")))
    plain = (get_text(product, "publicationdate"), "")
    chosen = next((texts[role] for role in _PUBLISHED if texts.get(role, ("",))[0]), plain)
    published = parse_date(*chosen) if chosen[0] else None
    if chosen[0] and published is None:
        remarks.append(Remark("published", chosen[0][:200], "is no date of its format"))
    return published


def _read_pages(product: Element) -> str:
    if pages := get_text(product, "numberofpages"):
        return pages if pages != "0" else ""
    extents = {
        get_text(element, "extenttype"): get_text(element, "extentvalue")
        for element in find_descendants(product, "extent")
        if get_text(element, "extentunit") in ("03", "")
    }
    return next((extents[kind] for kind in _PAGES if extents.get(kind, "0") not in ("0", "")), "")


def _read_format(product: Element) -> str:
    code = next((get_text(element) for element in _find_own(product, "productform")), "")
    return FORMS.get(code, code)


def _read_edition(product: Element) -> str:
    return next(
        (get_text(element) for element in _find_own(product, "editionstatement", "editionnumber")), ""
    )


def _read_languages(product: Element, defaults: MessageDefaults) -> tuple[str, ...]:
    codes = [
        get_text(element, "languagecode")
        for element in _find_own(product, "language")
        if get_text(element, "languagerole") in ("01", "")
    ]
    return tuple(dict.fromkeys(code for code in codes or [defaults.language] if code))


def _read_subjects(product: Element) -> Iterator[PrintedSubject]:
    for name, scheme in (("basicmainsubject", "bisac"), ("bicmainsubject", "bic")):
        if code := get_text(product, name):
            yield PrintedSubject(scheme=scheme, code=code)
    for element in _find_own(product, "mainsubject", "subject"):
        code, heading = get_text(element, "subjectcode"), get_text(element, "subjectheadingtext")
        kind = get_text(element, "mainsubjectschemeidentifier", "subjectschemeidentifier")
        if code or heading:
            scheme = SUBJECT_SCHEMES.get(kind, f"onix_{kind}")
            yield PrintedSubject(scheme=scheme, code=code or None, heading=heading or None)


def _read_category(product: Element) -> str:
    """The first heading that is no list of keywords, else the first code."""
    subjects = [subject for subject in _read_subjects(product) if subject.scheme != "keyword"]
    texts = (*(s.heading for s in subjects), *(s.code for s in subjects))
    return next((text for text in texts if text), "")


def _read_description(product: Element) -> str:
    texts: dict[str, str] = {}
    for element in find_descendants(product, "othertext", "textcontent"):
        kind, place = get_text(element, "texttypecode", "texttype"), find_child(element, "text")
        if place is not None:
            texts.setdefault(kind, _read_marked_text(place))
    found = next((texts[kind] for kind in DESCRIPTIONS if texts.get(kind)), "")
    main = find_child(product, "maindescription")
    return found or (_read_marked_text(main) if main is not None else "")


def _read_marked_text(element: Element) -> str:
    return convert_html_to_text(read_element_text(element))


def _read_covers(product: Element) -> tuple[str, ...]:
    found: list[str] = []
    for resource in find_descendants(product, "supportingresource"):
        if get_text(resource, "resourcecontenttype") == _FRONT_COVER:
            found += [get_text(link) for link in find_descendants(resource, "resourcelink")]
    for media in find_children(product, "mediafile"):
        is_address = get_text(media, "mediafilelinktypecode") == "01"
        if is_address and get_text(media, "mediafiletypecode") in _OLD_COVERS:
            found.append(get_text(media, "mediafilelink"))
    return tuple(dict.fromkeys(url for url in found if url.startswith(("http://", "https://"))))


def _read_measures(product: Element, remarks: list[Remark]) -> dict[str, str]:
    """`dimensions` as width x height [x thickness] in mm, and `weight` in g."""
    found: dict[str, int] = {}
    for element in _find_own(product, "measure"):
        name = MEASURES.get(get_text(element, "measuretype", "measuretypecode"))
        amount, unit = get_text(element, "measurement"), get_text(element, "measureunitcode")
        if name is None or name in found:
            continue
        convert = convert_to_grams if name == "weight" else convert_to_millimetres
        value = convert(amount, unit)
        if value is not None:
            found[name] = value
        elif amount.strip("0.") != "":
            remarks.append(Remark(name, f"{amount} {unit}"[:200], "is no measure with a known unit"))
    sizes = [str(found[name]) for name in ("width", "height", "thickness") if name in found]
    shown = {"dimensions": f"{' x '.join(sizes)} mm"} if {"width", "height"} <= found.keys() else {}
    return shown | ({"weight": f"{found['weight']} g"} if "weight" in found else {})
