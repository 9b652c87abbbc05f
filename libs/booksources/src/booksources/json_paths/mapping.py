"""Declares where the fields of a listing are in JSON: expressions of JMESPath (jmespath.org), as TOML."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Protocol, cast

import jmespath  # type: ignore[import-untyped]  # ships no types; Expression is what we use of it
from jmespath.exceptions import JMESPathError  # type: ignore[import-untyped]  # as above
from pydantic import BaseModel, ConfigDict, Field, field_validator

from bookcore.domain.errors import Invalid, NotFound

_BUNDLED = files("booksources.json_paths") / "mappings"


class Expression(Protocol):
    """A compiled expression."""

    def search(self, value: Any) -> Any:  # Any: JSON
        """The selected part of the value; None for nothing."""
        ...


class JsonMapping(BaseModel):
    """Expressions by field.

    `records`: the list of records in the document; a document that is a list itself has no need of one.
    `next`: address of the next page. `page_number`: key of the query that numbers the pages, of an interface
    that names no next one: the page after one with records is asked for. `total`: number of records.
    `fields`: for each record; `source_id` and `title` are needed. `offers`: list of offers in a record, and
    `offer_fields` within each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    records: str = "@"
    next: str | None = None
    page_number: str | None = None
    total: str | None = None
    fields: dict[str, str]
    offers: str | None = None
    offer_fields: dict[str, str] = Field(default_factory=dict)

    @field_validator("fields")
    @classmethod
    def _check_needed(cls, fields: dict[str, str]) -> dict[str, str]:
        lacking = {"source_id", "title"} - fields.keys()
        if lacking:
            raise ValueError(f"needs an expression for {', '.join(sorted(lacking))}")
        return fields


@cache
def load_json_mapping(name: str) -> JsonMapping:
    """A bundled mapping: `google_books`, `open_library`, `shopify`, `woocommerce`. Raises: NotFound."""
    names = sorted(file.name.removesuffix(".toml") for file in _BUNDLED.iterdir())
    if name not in names:
        raise NotFound(f"no mapping {name!r} of JSON; there are {', '.join(names)}")
    return JsonMapping.model_validate(tomllib.loads((_BUNDLED / f"{name}.toml").read_text()))


@cache
def compile_expression(text: str) -> Expression:
    """Raises: Invalid for an expression that is none."""
    try:
        return cast(Expression, jmespath.compile(text))
    except JMESPathError as error:
        raise Invalid(f"{text!r} is no expression of JMESPath", field="mapping") from error
