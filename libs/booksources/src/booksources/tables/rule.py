"""The rule of one field of a mapping: where its printed text is, and how a column prints it."""

import re
from collections.abc import Mapping as Map
from hashlib import sha256
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from booksources.cleaning.people import PeopleNotation
from booksources.tables.amounts import normalise_amounts

Cells = Map[str, str]
_ID_LENGTH = 24


class FieldRule(BaseModel):
    """Source of one printed field.

    `column`, or several `columns` joined by `join`, or a fixed text, or the `hash` of columns. `pattern` must
    cover all of the text, and `write` is the printed text; text that it doesn't match is printed unchanged,
    so that it is refused, or left out when `lenient`. `absent` texts mean no value. `decimal` is the
    decimal sign: amounts are printed with a point and without thousands' separators. `comma` says whether
    a comma stands `between` people or `within` a name; `slash` that a slash stands between; `separator`
    parts lists; `unit` is added to numbers without one; `days` are Excel's. Without `optional` the table
    must have the columns.
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
    comma: Literal["between", "within"] | None = None
    slash: bool = False
    separator: str | None = Field(None, min_length=1)
    unit: str | None = None
    days: bool = False
    optional: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """Columns that the rule reads."""
        return self.hash or self.columns or ((self.column,) if self.column else ())

    @property
    def people(self) -> PeopleNotation:
        """How the column prints people."""
        return PeopleNotation(self.comma, self.slash)

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
