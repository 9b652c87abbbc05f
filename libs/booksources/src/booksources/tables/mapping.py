"""How the columns of a table stand for the print of a book: TOML, see docs/how-to/import-a-table.md."""

import codecs
import re
import tomllib
from collections.abc import Mapping as Map
from dataclasses import dataclass, fields
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bookcore.domain.errors import Invalid, NotFound
from bookcore.domain.normalise import Origin, PrintedBook, PrintedDetails
from booksources.tables.amounts import plain_amounts
from booksources.tables.reader import Form

Row = Map[str, str]
_BUNDLED = files("booksources.tables") / "mappings"
_DETAILS = frozenset(f.name for f in fields(PrintedDetails))
_PRINTED = (frozenset(f.name for f in fields(PrintedBook)) | _DETAILS) - {"details"}
_ID_LENGTH = 24


class Rule(BaseModel):
    """Where one printed field comes from.

    `column`, or several `columns` joined by `join`, or a fixed text, or the `hash` of columns. `pattern` must
    cover all of the text, and `write` says what is printed instead; what it doesn't cover is printed as it
    stands, so that the row is refused, or left out when `lenient`. `absent` texts stand for nothing.
    `decimal` is the sign before decimals: amounts are printed with a point and without thousands' separators.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str | None = None
    columns: tuple[str, ...] = ()
    join: str = " "
    text: str | None = None
    hash: tuple[str, ...] = ()
    pattern: str | None = None
    write: str = r"\g<0>"
    replace: dict[str, str] = Field(default_factory=dict)
    decimal: Literal[".", ","] | None = None
    lenient: bool = False
    absent: tuple[str, ...] = ()

    def print(self, row: Row) -> str | None:
        """What the row prints there.

        Raises: Invalid naming a column that the table doesn't have.
        """
        found = self._found(row).strip()
        for old, new in self.replace.items():
            found = found.replace(old, new)
        if self.decimal:
            found = plain_amounts(found, self.decimal)
        if not found or found in self.absent:
            return None
        if self.pattern is None:
            return found
        match = re.fullmatch(self.pattern, found, re.DOTALL)
        if match:
            return match.expand(self.write) or None
        return None if self.lenient else found

    def _found(self, row: Row) -> str:
        if self.text is not None:
            return self.text
        if self.hash:
            joined = "\x1f".join(_cell(row, name) for name in self.hash)
            return sha256(joined.encode()).hexdigest()[:_ID_LENGTH]
        names = self.columns or ((self.column,) if self.column else ())
        return self.join.join(text for name in names if (text := _cell(row, name).strip()))


class Mapping(BaseModel):
    """A source, and a rule for each field that the table has; `source_id` and `url` are among them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(pattern=r"^[a-z0-9_]{1,40}$")
    version: int = Field(1, ge=1)
    encoding: str = "utf-8-sig"
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    fields: dict[str, Rule]

    @property
    def extractor(self) -> str:
        """What made the events."""
        return f"import/{self.source}/{self.version}"

    @property
    def form(self) -> Form:
        """How the table is written."""
        return Form(self.encoding, self.delimiter)

    @field_validator("encoding")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            codecs.lookup(name)
        except LookupError as error:
            raise ValueError("is no encoding that Python knows") from error
        return name

    def read(self, row: Row) -> tuple[Origin, PrintedBook]:
        """The row as if a page had printed it.

        Raises: Invalid naming a column that the table doesn't have.
        """
        told = {name: rule.print(row) for name, rule in self.fields.items()}
        source_id = told.pop("source_id")
        url = told.pop("url", None) or f"table:{self.source}/{source_id}"
        details = {name: told.pop(name) for name in _DETAILS & told.keys()}
        known = any(value is not None for value in details.values())
        more = PrintedDetails(**details) if known else None
        return Origin(self.source, source_id, url), PrintedBook(**told, details=more)


@dataclass(frozen=True, slots=True)
class Known:
    """A mapping that comes with the program."""

    name: str
    text: str


def bundled() -> list[Known]:
    """Those that come with the program, by name."""
    found = [f for f in _BUNDLED.iterdir() if f.name.endswith(".toml")]
    return [Known(f.name.removesuffix(".toml"), f.read_text()) for f in sorted(found, key=lambda f: f.name)]


def mapping_named(name: str) -> Mapping:
    """A bundled one by name, or one in a file.

    Raises: NotFound when there is neither, Invalid naming the place of a mistake.
    """
    known = {each.name: each.text for each in bundled()}
    if name in known:
        return mapping_of(known[name])
    path = Path(name)
    if not path.is_file():
        raise NotFound(f"no mapping {name!r}; name a TOML file, or one of {', '.join(known)}")
    try:
        return mapping_of(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise Invalid("is no UTF-8 text", field="mapping") from error


def mapping_of(text: str) -> Mapping:
    """Raises: Invalid naming the place of a mistake."""
    try:
        found = Mapping.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"is no TOML: {error}", field="mapping") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Invalid(first["msg"], field=f"mapping.{'.'.join(map(str, first['loc']))}") from error
    unknown = found.fields.keys() - _PRINTED - {"source_id", "url"}
    if unknown:
        raise Invalid(f"a book has no such field; it has {', '.join(sorted(_PRINTED))}", field=min(unknown))
    if "source_id" not in found.fields:
        raise Invalid("needs a rule, such as a column or the hash of some", field="mapping.fields.source_id")
    for name, rule in found.fields.items():
        _check_pattern(name, rule)
    return found


def _check_pattern(name: str, rule: Rule) -> None:
    try:
        blank = re.fullmatch(f"(?:{rule.pattern})?|.*", "") if rule.pattern else None
        if blank:
            blank.expand(rule.write)
    except (re.error, IndexError) as error:
        raise Invalid(f"is no pattern: {error}", field=f"mapping.fields.{name}") from error


def _cell(row: Row, name: str) -> str:
    if name not in row:
        raise Invalid(f"the table has no column {name!r}; it has {', '.join(row)[:300]}", field="column")
    return row[name]
