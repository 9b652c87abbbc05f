"""Printed names of people and bodies, one text or a column: `Smith, John, Jr.; Ana Huang (Illustrator)`.

A comma separates people only where the column shows it: in `Rowling, J. K.` it stands within one name, in
`J. K. Rowling, Mary GrandPré` between two.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from bookcore.domain.errors import Invalid
from bookcore.domain.printed_listing import PrintedContributor
from booksources.cleaning.names import (
    is_body,
    is_inverted,
    is_nobody,
    is_suffix,
    join_suffixes,
    order_name,
    strip_dates,
)
from booksources.cleaning.words import list_words, load_words

_SEPARATORS = (";", "|", "\n", "\u2022", " \u00b7 ")
_COMMA_OR_AND = re.compile(r"\s*,\s*(?:(?:&|and|und)\s+)?|\s+(?:&|and|und)\s+", re.IGNORECASE)
_END_DOT = re.compile(r"(?<=[^\W\d_]{3})\.$")
_AND = re.compile(r"\s+(?:&|and|und)\s+", re.IGNORECASE)
_QUOTED = re.compile(r"""(?:"([^"]+)"|'((?:[^']|'(?=\w))+)')""")
_ROLE = re.compile(r"\s*[\(\[]([^()\[\]]{1,40})[\)\]]")
_ROLE_COMMA = re.compile(r"(?<=[\)\]]),")
_AROUND = re.compile(r"^\s*(?:and|&)\s+|,?\s+et al\.?\s*$", re.IGNORECASE)
_EDGES = ' ,;*"{}\u00b7\u201c\u201d'
_LONGEST = 5_000  # characters
_MOST = 500
_SHARE = 0.5  # of a column's values with commas


@dataclass(frozen=True, slots=True)
class PeopleNotation:
    """What the commas and slashes of a column mean: `comma` is `between` people, `within` a name
    (`Last, First`), or None where the column doesn't show it.
    """

    comma: str | None = None
    has_slash: bool = False


def detect_people_notation(values: Iterable[str]) -> PeopleNotation:
    """The notation of a column by a sample of its values.

    `within`: most values have a comma after one surname. `between`: most parts between commas are full
    names, or stand alone elsewhere in the column.
    """
    texts = [folded for value in values if (folded := _fold(value)) and not is_body(folded)]
    alone = {text for text in texts if "," not in text}
    comma = [text for text in texts if "," in join_suffixes(text)]
    inverted = sum(all(map(is_inverted, _split_marked(text))) for text in comma)
    listed = sum(_is_list(text, alone) for text in comma)
    slash = sum(_has_names_around(text, "/") for text in texts)
    has_slash = slash > _SHARE * sum("/" in text for text in texts)
    if comma and inverted > _SHARE * len(comma) and inverted > listed:
        return PeopleNotation("within", has_slash)
    if comma and listed > _SHARE * len(comma):
        return PeopleNotation("between", has_slash)
    return PeopleNotation(None, has_slash)


def read_people(text: str, notation: PeopleNotation | None = None) -> tuple[PrintedContributor, ...]:
    """The people of a text in its order, each once; empty where it names nobody.

    Raises: Invalid for a text that is too long.
    """
    if len(text) > _LONGEST:
        raise Invalid(f"is longer than {_LONGEST} characters")
    notation = notation or PeopleNotation()
    people: dict[str, PrintedContributor] = {}
    for printed in _split_people(text, notation):
        person = _read_person(printed, notation)
        if person is not None:
            people.setdefault(person.name.casefold(), person)
    if len(people) > _MOST:
        raise Invalid(f"names more than {_MOST} people")
    return tuple(people.values())


def _split_people(text: str, notation: PeopleNotation) -> list[str]:
    quoted = _read_quoted(text)
    if quoted:
        return quoted
    folded = _fold(text)
    is_bracketed = text.strip().startswith("[") and text.strip().endswith("]")
    return [
        person
        for part in _split_marked(folded, has_slash=notation.has_slash)
        for between in _split_commas(part, notation, is_bracketed=is_bracketed)
        for person in _split_words(between)
    ]


def _read_quoted(text: str) -> list[str]:
    """Members of a printed list: `['A', "B"]`."""
    stripped = text.strip()
    if not (stripped.startswith("[") and stripped.endswith("]") and stripped[1:2] in ("'", '"')):
        return []
    return [double or single for double, single in _QUOTED.findall(stripped)]


def _fold(text: str) -> str:
    """The text without the brackets around it and the words before the names."""
    lines = "\n".join(" ".join(line.split()) for line in unicodedata.normalize("NFC", text).splitlines())
    plain = lines.strip().removeprefix("[").removesuffix("]") if lines.strip().startswith("[") else lines
    return _compile_by().sub("", plain.strip(), count=1).strip(" ,;|")


@cache
def _compile_by() -> re.Pattern[str]:
    words = [word for word in list_words("people", "by") if word == "by" or " " in word or word[-1] == ":"]
    return re.compile(rf"^(?:{_join(word.rstrip(' :') for word in words)})(?::\s*|\s+)", re.IGNORECASE)


@cache
def _compile_before() -> re.Pattern[str]:
    """Pattern of the words before names that tell a role, with the comma before them."""
    words = [word for words in load_words("people")["before"].values() for word in words]
    return re.compile(rf"(?:^|[,;.]?\s+)(?P<words>{_join(words)})(?::\s*|\s+)", re.IGNORECASE)


def _join(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def _split_marked(text: str, *, has_slash: bool = False) -> list[str]:
    """Parts between marks that separate people in every column."""
    for mark in (*_SEPARATORS, *(("/",) if has_slash else ())):
        text = text.replace(mark, ";")
    text = _compile_before().sub(lambda match: f";{match['words']} ", text)
    return [part.strip() for part in _ROLE_COMMA.sub(";", text).split(";") if part.strip()]


def _split_commas(text: str, notation: PeopleNotation, *, is_bracketed: bool) -> list[str]:
    whole = join_suffixes(text)
    parts = [part.strip() for part in whole.split(",") if part.strip()]
    if len(parts) < 2 or is_body(text):
        return [text]
    if notation.comma == "within":
        return _split_pairs(text)
    if notation.comma == "between" or _has_role_or_and(whole, parts):
        return [part.strip() for part in _COMMA_OR_AND.split(whole) if part.strip()]
    if is_bracketed and not (len(parts) == 2 and ", " in text and is_inverted(text)):
        return parts
    return [text]


def _split_pairs(text: str) -> list[str]:
    """Names with the surname first between commas: `King, Stephen, Gaiman, Neil` are two."""
    parts = [part.strip() for part in join_suffixes(strip_dates(text)).split(",")]
    pairs = [", ".join(parts[at : at + 2]) for at in range(0, len(parts), 2)]
    return pairs if len(parts) > 2 and all(map(is_inverted, pairs)) else [text]


def _has_role_or_and(text: str, parts: list[str]) -> bool:
    """Whether the commas stand between full names: the last is after `and`, or one has a role."""
    names = [_read_role(part)[0] for part in _COMMA_OR_AND.split(text) if part.strip()]
    if any(len(name.split()) < 2 for name in names) or any(map(is_inverted, _AND.split(text))):
        return False
    return (
        len(names) > len(parts)
        or any(_read_role(part)[0] != part for part in parts)
        or (_AND.search(f" {parts[-1]}") is not None)
    )


def _split_words(text: str) -> list[str]:
    """Parts between `and` or `&`, when each is a full name."""
    parts = [part for part in _AND.split(text) if part.strip(" ,")]
    if len(parts) < 2 or is_body(text) or any(len(part.replace(",", " ").split()) < 2 for part in parts):
        return [text]
    return [part.strip(" ,") for part in parts]


def _read_person(printed: str, notation: PeopleNotation) -> PrintedContributor | None:
    text, role = _read_role(printed)
    name = _AROUND.sub("", strip_dates(text)).strip(_EDGES)
    if not is_body(name) and not is_suffix(name.split(" ")[-1]):
        name = _END_DOT.sub("", name)
    if is_nobody(name) or not any(c.isalpha() for c in name):
        return None
    is_pair = join_suffixes(name).count(",") == 1
    if is_pair and not is_body(name) and (notation.comma == "within" or is_inverted(name)):
        return PrintedContributor(name=order_name(name), sort_name=name, role=role)
    return PrintedContributor(name=name, role=role)


def _read_role(printed: str) -> tuple[str, str]:
    """The text without brackets that hold a role, and the role."""
    role = "author"
    before = _compile_before().match(printed)
    if before:
        role = next(
            r for r, words in load_words("people")["before"].items() if before["words"].casefold() in words
        )
        printed = printed[before.end() :]
    for match in _ROLE.finditer(printed):
        named = _find_role(match[1])
        if named is not None:
            printed = printed.replace(match[0], "")
            role = named if role == "author" else role
    return printed, role


def _find_role(text: str) -> str | None:
    word = text.strip().casefold().split(",")[0].split("/")[0].strip()
    return next((role for role, words in load_words("people")["role"].items() if word in words), None)


def _is_list(text: str, alone: set[str]) -> bool:
    """Whether the parts between commas are people: full names, or names that stand alone elsewhere."""
    parts = [part.strip() for part in join_suffixes(text).split(",")]
    return any(part in alone for part in parts) or all(len(part.split()) > 1 for part in parts)


def _has_names_around(text: str, mark: str) -> bool:
    parts = text.split(mark)
    return len(parts) > 1 and all(len(part.split()) > 1 for part in parts)
