"""Reads ONIX elements; short tags are translated to reference names, all in lower case."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


class Element(Protocol):
    """The used part of lxml's element, which ships no types."""

    tag: object

    def __iter__(self) -> Iterator["Element"]: ...
    def iter(self) -> Iterator["Element"]:
        """Itself and all descendants."""
        ...

    def itertext(self) -> Iterator[str]:
        """Its text and that of all descendants."""
        ...

    def clear(self) -> None:
        """Remove its content."""
        ...

    def getparent(self) -> "Element | None":
        """Its parent."""
        ...

    def getprevious(self) -> "Element | None":
        """Its previous sibling."""
        ...

    def __delitem__(self, place: int) -> None: ...


_SHORT = {
    "a001": "recordreference",
    "b004": "isbn",
    "b005": "ean13",
    "b012": "productform",
    "b333": "productformdetail",
    "b014": "productformdescription",
    "b028": "distinctivetitle",
    "b029": "subtitle",
    "b030": "titleprefix",
    "b031": "titlewithoutprefix",
    "b034": "sequencenumber",
    "b035": "contributorrole",
    "b036": "personname",
    "b037": "personnameinverted",
    "b039": "namesbeforekey",
    "b040": "keynames",
    "b047": "corporatename",
    "b057": "editionnumber",
    "b058": "editionstatement",
    "b061": "numberofpages",
    "b064": "basicmainsubject",
    "b065": "bicmainsubject",
    "b067": "subjectschemeidentifier",
    "b069": "subjectcode",
    "b070": "subjectheadingtext",
    "b079": "imprintname",
    "b081": "publishername",
    "b291": "publishingrole",
    "b003": "publicationdate",
    "b202": "titletype",
    "b203": "titletext",
    "b218": "extenttype",
    "b219": "extentvalue",
    "b220": "extentunit",
    "b221": "productidtype",
    "b244": "idvalue",
    "b252": "languagecode",
    "b253": "languagerole",
    "b306": "date",
    "x448": "publishingdaterole",
    "x409": "titleelementlevel",
    "c093": "measuretypecode",
    "x315": "measuretype",
    "c094": "measurement",
    "c095": "measureunitcode",
    "d101": "maindescription",
    "d102": "texttypecode",
    "d104": "text",
    "x426": "texttype",
    "j148": "pricetypecode",
    "x462": "pricetype",
    "j151": "priceamount",
    "j152": "currencycode",
    "m186": "defaultcurrencycode",
    "x310": "defaultpricetype",
    "m185": "defaultpricetypecode",
    "m184": "defaultlanguageoftext",
}


@dataclass(frozen=True, slots=True)
class MessageDefaults:
    """Defaults of the message's header for all products."""

    currency: str = ""
    price_type: str = ""
    language: str = ""


def get_name(element: Element) -> str:
    """Reference name in lower case without namespace; empty for comments and processing instructions."""
    tag = element.tag
    if not isinstance(tag, str):
        return ""
    name = tag.rpartition("}")[2].lower()
    return _SHORT.get(name, name)


def find_children(element: Element, *names: str) -> Iterator[Element]:
    """Children with one of the names."""
    return (child for child in element if get_name(child) in names)


def find_descendants(element: Element, *names: str) -> Iterator[Element]:
    """Descendants with one of the names."""
    return (descendant for descendant in element.iter() if get_name(descendant) in names)


def get_text(element: Element | None, *names: str) -> str:
    """Text of the first named child that has text; of the element itself without names."""
    if element is None:
        return ""
    elements = find_children(element, *names) if names else iter([element])
    texts = (" ".join("".join(map(str, each.itertext())).split()) for each in elements)
    return next((text for text in texts if text), "")


def parse_header(header: Element) -> MessageDefaults:
    """Defaults of <Header>."""
    return MessageDefaults(
        currency=get_text(header, "defaultcurrencycode"),
        price_type=get_text(header, "defaultpricetype", "defaultpricetypecode"),
        language=get_text(header, "defaultlanguageoftext"),
    )
