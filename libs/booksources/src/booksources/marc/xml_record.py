"""MARCXML as records of pymarc, whose own parser reads entities and keeps a whole file in memory."""

from pymarc import Field, Indicators, Leader, Record, Subfield

from booksources.cleaning.xml_events import Element, get_local_name

_LEADER, _TAG = 24, 3
_FIELDS = ("controlfield", "datafield")


def build_record(element: Element) -> Record | None:
    """None for a record with a field that has no tag."""
    places = [child for child in element if get_local_name(child) in _FIELDS]
    if any(len(place.attrib.get("tag", "")) != _TAG for place in places):
        return None
    record = Record(fields=[_build_field(place) for place in places])
    leader = next((child for child in element if get_local_name(child) == "leader"), None)
    if leader is not None:
        record.leader = Leader("".join(map(str, leader.itertext())).ljust(_LEADER)[:_LEADER])
    return record


def _build_field(element: Element) -> Field:
    tag = element.attrib.get("tag", "")
    if get_local_name(element) == "controlfield":
        return Field(tag=tag, data="".join(map(str, element.itertext())))
    subfields = [
        Subfield(code=child.attrib["code"], value="".join(map(str, child.itertext())))
        for child in element
        if child.attrib.get("code")
    ]
    marks = (element.attrib.get("ind1", " ") or " ", element.attrib.get("ind2", " ") or " ")
    return Field(tag=tag, indicators=Indicators(*marks), subfields=subfields)
