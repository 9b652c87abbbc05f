"""Names of ONIX's elements: short tags are told by their reference names, all in small letters."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


class Element(Protocol):
    """What is used of lxml's, which ships no types."""

    tag: object

    def __iter__(self) -> Iterator["Element"]: ...
    def iter(self) -> Iterator["Element"]:
        """Itself and everything in it."""
        ...

    def itertext(self) -> Iterator[str]:
        """All text in it."""
        ...

    def clear(self) -> None:
        """Drop what is in it."""
        ...

    def getparent(self) -> "Element | None":
        """What it is in."""
        ...

    def getprevious(self) -> "Element | None":
        """What is before it."""
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
class Defaults:
    """What the message's header says of all products."""

    currency: str = ""
    price_type: str = ""
    language: str = ""


def name_of(element: Element) -> str:
    """The reference name in small letters, without a namespace; empty for comments and the like."""
    tag = element.tag
    if not isinstance(tag, str):
        return ""
    name = tag.rpartition("}")[2].lower()
    return _SHORT.get(name, name)


def children(element: Element, *names: str) -> Iterator[Element]:
    """Children of those names."""
    return (child for child in element if name_of(child) in names)


def within(element: Element, *names: str) -> Iterator[Element]:
    """Everything of those names, however deep."""
    return (found for found in element.iter() if name_of(found) in names)


def text_of(element: Element | None, *names: str) -> str:
    """Text of the first child of those names that has some; of the element itself without names."""
    if element is None:
        return ""
    found = children(element, *names) if names else iter([element])
    texts = (" ".join("".join(map(str, each.itertext())).split()) for each in found)
    return next((text for text in texts if text), "")


def defaults_of(header: Element) -> Defaults:
    """From <Header>."""
    return Defaults(
        currency=text_of(header, "defaultcurrencycode"),
        price_type=text_of(header, "defaultpricetype", "defaultpricetypecode"),
        language=text_of(header, "defaultlanguageoftext"),
    )
