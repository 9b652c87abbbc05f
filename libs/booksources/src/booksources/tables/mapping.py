"""Maps the columns of a table to the printed fields of a book: TOML, see docs/how-to/import-a-table.md."""

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
from booksources.tables.amounts import normalise_amounts
from booksources.tables.rows import TableFormat, TableRow

Cells = Map[str, str]
_BUNDLED = files("booksources.tables") / "mappings"
_DETAILS = frozenset(f.name for f in fields(PrintedDetails))
_PRINTED = (frozenset(f.name for f in fields(PrintedBook)) | _DETAILS) - {"details"}
_ID_LENGTH = 24


class FieldRule(BaseModel):
    """Source of one printed field.

    `column`, or several `columns` joined by `join`, or a fixed text, or the `hash` of columns. `pattern` must
    cover all of the text, and `write` is the printed text; text that it doesn't match is printed unchanged,
    so that the row is rejected, or left out when `lenient`. `absent` texts mean no value. `decimal` is the
    decimal sign: amounts are printed with a point and without thousands' separators.
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

    def apply(self, row: Cells) -> str | None:
        """The printed text of the row; None for no value, also where the row lacks the column."""
        text = self._read_text(row).strip()
        for old, new in self.replace.items():
            text = text.replace(old, new)
        if self.decimal:
            text = normalise_amounts(text, self.decimal)
        if not text or text in self.absent:
            return None
        if self.pattern is None:
            return text
        match = re.fullmatch(self.pattern, text, re.DOTALL)
        if match:
            return match.expand(self.write) or None
        return None if self.lenient else text

    def _read_text(self, row: Cells) -> str:
        if self.text is not None:
            return self.text
        if self.hash:
            joined = "\x1f".join(row.get(name, "") for name in self.hash)
            return sha256(joined.encode()).hexdigest()[:_ID_LENGTH]
        return self.join.join(text for name in self.sources if (text := row.get(name, "").strip()))

    @property
    def sources(self) -> tuple[str, ...]:
        """Columns that the rule reads."""
        return self.hash or self.columns or ((self.column,) if self.column else ())


class TableMapping(BaseModel):
    """A source, and a rule for each field that the table has; `source_id` and `url` are among them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(pattern=r"^[a-z0-9_]{1,40}$")
    version: int = Field(1, ge=1)
    encoding: str = "utf-8-sig"
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    fields: dict[str, FieldRule]

    @property
    def extractor(self) -> str:
        """`extractor` of the events."""
        return f"import/{self.source}/{self.version}"

    @property
    def format(self) -> TableFormat:
        """Encoding and delimiter of the table."""
        return TableFormat(self.encoding, self.delimiter)

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, name: str) -> str:
        try:
            codecs.lookup(name)
        except LookupError as error:
            raise ValueError("is no encoding that Python knows") from error
        return name

    def check_columns(self, row: TableRow) -> None:
        """Raises: Invalid naming a column that the table doesn't have; records of JSON may lack some."""
        if row.is_sparse or row.cells is None:
            return
        for name in (name for rule in self.fields.values() for name in rule.sources):
            if name not in row.cells:
                has = ", ".join(row.cells)[:300]
                raise Invalid(f"the table has no column {name!r}; it has {has}", field="column")

    def map_row(self, row: Cells) -> tuple[Origin, PrintedBook]:
        """The row as a page would print it."""
        values = {name: rule.apply(row) for name, rule in self.fields.items()}
        source_id = values.pop("source_id")
        url = values.pop("url", None) or f"table:{self.source}/{source_id}"
        details = {name: values.pop(name) for name in _DETAILS & values.keys()}
        has_details = any(value is not None for value in details.values())
        more = PrintedDetails(**details) if has_details else None
        return Origin(self.source, source_id, url), PrintedBook(**values, details=more)


@dataclass(frozen=True, slots=True)
class BundledMapping:
    """A mapping that is part of the package."""

    name: str
    text: str


def list_bundled_mappings() -> list[BundledMapping]:
    """Mappings of the package, by name."""
    text = [f for f in _BUNDLED.iterdir() if f.name.endswith(".toml")]
    return [
        BundledMapping(f.name.removesuffix(".toml"), f.read_text())
        for f in sorted(text, key=lambda f: f.name)
    ]


def load_mapping(name: str) -> TableMapping:
    """A bundled mapping by name, or one in a file.

    Raises: NotFound when there is neither, Invalid naming the place of a mistake.
    """
    mappings = {mapping.name: mapping.text for mapping in list_bundled_mappings()}
    if name in mappings:
        return parse_mapping(mappings[name])
    path = Path(name)
    if not path.is_file():
        raise NotFound(f"no mapping {name!r}; name a TOML file, or one of {', '.join(mappings)}")
    try:
        return parse_mapping(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise Invalid("is no UTF-8 text", field="mapping") from error


def parse_mapping(text: str) -> TableMapping:
    """Raises: Invalid naming the place of a mistake."""
    try:
        mapping = TableMapping.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"is no TOML: {error}", field="mapping") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Invalid(first["msg"], field=f"mapping.{'.'.join(map(str, first['loc']))}") from error
    unknown = mapping.fields.keys() - _PRINTED - {"source_id", "url"}
    if unknown:
        raise Invalid(f"a book has no such field; it has {', '.join(sorted(_PRINTED))}", field=min(unknown))
    if "source_id" not in mapping.fields:
        raise Invalid("needs a rule, such as a column or the hash of some", field="mapping.fields.source_id")
    for name, rule in mapping.fields.items():
        _check_pattern(name, rule)
    return mapping


def _check_pattern(name: str, rule: FieldRule) -> None:
    try:
        blank = re.fullmatch(f"(?:{rule.pattern})?|.*", "") if rule.pattern else None
        if blank:
            blank.expand(rule.write)
    except (re.error, IndexError) as error:
        raise Invalid(f"is no pattern: {error}", field=f"mapping.fields.{name}") from error
