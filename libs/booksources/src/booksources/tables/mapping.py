"""Maps the columns of a table to the printed fields of a listing: TOML, see docs/how-to/import-a-table.md."""

import codecs
import re
import tomllib
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from bookcore.domain.currencies import MINOR_DIGITS
from bookcore.domain.errors import Invalid, NotFound
from bookcore.domain.web_address import is_web_address
from booksources.cleaning.moments import parse_moment
from booksources.cleaning.remarks import RemarkLog
from booksources.reading import Listing, SourceProfile
from booksources.tables.listing import FIELDS, ListingBuilder
from booksources.tables.rows import TableFormat, TableRow
from booksources.tables.rule import Cells, FieldRule

_BUNDLED = files("booksources.tables") / "mappings"


class ProfileTable(BaseModel):
    """`[profile]`: what the table's source declares about its notation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: str = Field("en", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    decimal: Literal[".", ","] | None = None
    currency: str | None = None
    territory: str | None = Field(None, pattern=r"^[A-Z]{2}$")

    @field_validator("currency")
    @classmethod
    def _check_currency(cls, code: str | None) -> str | None:
        if code is not None and code not in MINOR_DIGITS:
            raise ValueError("is no currency code of ISO 4217, such as EUR")
        return code

    @property
    def declared(self) -> SourceProfile:
        """Argument of the cleaning."""
        return SourceProfile(self.language, self.decimal, self.currency, self.territory)


def _check_moment(printed: object) -> datetime:
    moment = parse_moment(str(printed).strip())
    if moment is None:
        raise ValueError("is no day or moment such as 2026-11-01")
    if not 1970 <= moment.year < 2100:
        raise ValueError("is no day from 1970 to 2099")
    return moment


FileMoment = Annotated[datetime, BeforeValidator(_check_moment)]
"""When a file held: a day or moment of TOML, or as text."""


class TableMapping(BaseModel):
    """A source, and a rule for each field that the table has; `source_id` and `url` are among them.

    `as_of`: when the table held, None for when it is read. `attributes` are facts that only this source has.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(pattern=r"^[a-z0-9_]{1,40}$")
    version: int = Field(1, ge=1)
    encoding: str = "utf-8-sig"
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    as_of: FileMoment | None = None
    profile: ProfileTable | None = None
    fields: dict[str, FieldRule]
    attributes: dict[str, FieldRule] = Field(default_factory=dict)

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
        rules = (*self.fields.values(), *self.attributes.values())
        for name in (name for rule in rules if not rule.optional for name in rule.sources):
            if name not in row.cells:
                has = ", ".join(row.cells)[:300]
                raise Invalid(f"the table has no column {name!r}; it has {has}", field="column")

    def map_row(self, row: Cells) -> Listing:
        """The listing that the row states; what can't be read of it are remarks."""
        log = RemarkLog()
        values = {name: rule.apply(row) for name, rule in self.fields.items()}
        source_id = values.pop("source_id")
        url = self._read_url(values.pop("url", None), log) or f"table:{self.source}/{source_id}"
        builder = ListingBuilder(self.fields, self.profile.declared if self.profile else None)
        printed = builder.build(values, log)
        more = {name: text for name, rule in self.attributes.items() if (text := rule.apply(row))}
        if more:
            printed = replace(printed, attributes={**printed.attributes, **more})
        return Listing(source_id, url, printed)

    @staticmethod
    def _read_url(text: str | None, log: RemarkLog) -> str | None:
        """An http(s) address; another one costs itself."""
        if text is None or is_web_address(text):
            return text
        log.add("url", text, "is not an http(s) address")
        return None


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
    return parse_mapping(read_mapping(name))


def read_mapping(name: str) -> str:
    """The text of a mapping. Raises: NotFound, Invalid."""
    mappings = {mapping.name: mapping.text for mapping in list_bundled_mappings()}
    if name in mappings:
        return mappings[name]
    path = Path(name)
    if not path.is_file():
        raise NotFound(f"no mapping {name!r}; name a TOML file, or one of {', '.join(mappings)}")
    try:
        return path.read_text(encoding="utf-8")
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
    unknown = mapping.fields.keys() - FIELDS - {"source_id", "url"}
    if unknown:
        raise Invalid(f"a book has no such field; it has {', '.join(sorted(FIELDS))}", field=min(unknown))
    if "source_id" not in mapping.fields:
        raise Invalid("needs a rule, such as a column or the hash of some", field="mapping.fields.source_id")
    for name, rule in {**mapping.attributes, **mapping.fields}.items():
        _check_pattern(name, rule)
    return mapping


def _check_pattern(name: str, rule: FieldRule) -> None:
    try:
        blank = re.fullmatch(f"(?:{rule.pattern})?|.*", "") if rule.pattern else None
        if blank:
            blank.expand(rule.write)
    except (re.error, IndexError) as error:
        raise Invalid(f"is no pattern: {error}", field=f"mapping.fields.{name}") from error
