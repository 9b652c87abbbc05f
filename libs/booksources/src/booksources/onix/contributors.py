"""People and bodies of a product, in display order."""

import re

from bookcore.domain.printed_listing import PrintedContributor
from booksources.cleaning.xml_events import Element
from booksources.onix.code_lists import ROLES, UNNAMED
from booksources.onix.elements import find_children, get_text

_NAME_PARTS = (
    "titlesbeforenames",
    "namesbeforekey",
    "prefixtokey",
    "keynames",
    "namesafterkey",
    "suffixtokey",
)
_SUFFIX = re.compile(r"(?:jr|sr|snr|jnr|ii|iii|iv|v|ph\.?\s?d|m\.?\s?d|esq|mba|obe|cbe)\.?", re.IGNORECASE)
_LAST = 1_000_000


def read_contributors(places: list[Element]) -> tuple[PrintedContributor, ...]:
    """Contributors by their SequenceNumber; those without one keep their place after the others."""
    people = [element for place in places for element in find_children(place, "contributor")]
    ordered = sorted(people, key=_read_sequence)
    found = (_read_contributor(element) for element in ordered)
    return tuple(contributor for contributor in found if contributor is not None)


def _read_contributor(element: Element) -> PrintedContributor | None:
    name = _read_name(element)
    if not name:
        return None
    roles = [ROLES.get(get_text(role), "contributor") for role in find_children(element, "contributorrole")]
    inverted = get_text(element, "personnameinverted", "corporatenameinverted")
    return PrintedContributor(
        name=name,
        sort_name=inverted or _build_sort_name(element),
        role=roles[0] if roles else "author",
    )


def _read_name(element: Element) -> str:
    if name := get_text(element, "personname"):
        return name
    if parts := [text for part in _NAME_PARTS if (text := get_text(element, part))]:
        letters = get_text(element, "lettersafternames")
        return " ".join(parts) + (f", {letters}" if letters else "")
    if inverted := get_text(element, "personnameinverted"):
        return restore_name(inverted)
    return get_text(element, "corporatename") or UNNAMED.get(get_text(element, "unnamedpersons"), "")


def restore_name(inverted: str) -> str:
    """`King, Martin Luther, Jr.` as `Martin Luther King, Jr.`"""
    parts = [part.strip() for part in inverted.split(",") if part.strip()]
    if len(parts) == 1 or (len(parts) == 2 and _SUFFIX.fullmatch(parts[1])):
        return ", ".join(parts)
    last, *given = parts
    suffixes = [part for part in given if _SUFFIX.fullmatch(part)]
    first = [part for part in given if part not in suffixes]
    return ", ".join([" ".join([*first, last]), *suffixes])


def _build_sort_name(element: Element) -> str | None:
    last, first = get_text(element, "keynames"), get_text(element, "namesbeforekey")
    return f"{last}, {first}" if last and first else last or None


def _read_sequence(element: Element) -> int:
    number = get_text(element, "sequencenumber")
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 7 else _LAST
