"""source.toml: what a source declares about itself."""

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from bookcore.domain.currencies import MINOR_DIGITS
from bookcore.domain.errors import Invalid
from booksources.readers import READERS
from booksources.reading import SourceProfile
from booksources.sources.schedule import Schedule

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_WORDS = "a list of words in quotation marks"
_Address = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/@]+(/\S*)?$", max_length=2_000)]
_Prefix = Annotated[str, StringConstraints(pattern=r"^/\S*$", max_length=500)]
_Word = Annotated[str, StringConstraints(pattern=r"^[\w.-]+$", max_length=60)]
"""A repetition with a bound, of all letters of Unicode, would take a tenth of a second to compile."""

_HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,60}$")]
_HeaderText = Annotated[str, StringConstraints(pattern=r"^[!-~]([ -~]{0,998}[!-~])?$")]
_OWN_HEADERS = frozenset(
    {"host", "user-agent", "cookie", "connection", "content-length", "transfer-encoding", "accept-encoding"}
    | {"if-none-match", "if-modified-since"}
)
"""The crawler's own."""
OWN_READER = "page.py"
"""`reader` of a source that has its own in its folder."""
REQUIRABLE = frozenset(
    {"title", "price", "availability", "isbn", "upc", "sku", "author", "publisher", "published"}
)
REQUIRABLE |= {"category", "cover", "description", "format", "pages"}
"""Fields that a source may require of its books; a crawl stops when most pages lack one."""


class Politeness(BaseModel):
    """Limits of the whole fleet on this source, below those of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    rate: float | None = Field(None, gt=0, le=1_000, description="a number of requests a second")
    concurrency: int | None = Field(None, ge=1, le=1_000, description="a whole number of requests at a time")


class SourceDefinition(BaseModel):
    """The keys of source.toml; `description` completes "must be ..." for people."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = ""
    folder: str = Field("", exclude=True)
    title: str = Field("", max_length=200, description="a text of at most 200 characters")
    reader: str | None = Field(None, description=f"{OWN_READER}, or one of {', '.join(sorted(READERS))}")
    page_objects: str | None = Field(None, description="the name of page objects that the scraper has")
    start: tuple[_Address, ...] = Field(
        min_length=1, strict=False, description="a list of http(s) addresses without a password"
    )
    hosts: tuple[_Word, ...] = Field((), strict=False, description="a list of host names")
    paths: tuple[_Prefix, ...] = Field((), strict=False, description="a list of paths that begin with /")
    query: tuple[_Word, ...] | None = Field(None, strict=False, description=_WORDS)
    index_file: str = Field(
        "", pattern=r"^[\w.-]*$", max_length=60, description="the name of a file, or empty"
    )
    follows_links: bool = Field(False, description="true or false")  # noqa: FBT003 - a default
    allows_private_addresses: bool = Field(False, description="true or false")  # noqa: FBT003 - a default
    sells_only_books: bool = Field(False, description="true or false")  # noqa: FBT003 - a default
    identified_by: tuple[_Word, ...] = Field(
        ("sku", "isbn", "productID", "url"), min_length=1, strict=False, description=_WORDS
    )
    required: tuple[_Word, ...] = Field(("title",), strict=False, description=_WORDS)
    language: str = Field(
        "en", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description="a language such as en-GB"
    )
    territory: str | None = Field(None, pattern=r"^[A-Z]{2}$", description="two capital letters of ISO 3166")
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$", description="three capital letters of ISO 4217")
    decimal: str | None = Field(None, pattern=r"^[.,]$", description='"." or ","')
    extractor: str = Field(
        "", pattern=r"^[\w./-]*$", max_length=80, description="a name and a version such as shop/1"
    )
    schedule: Schedule | None = Field(None, description="a table of every or cron, and timezone")
    politeness: Politeness = Field(Politeness(), description="a table of rate and concurrency")
    headers: dict[_HeaderName, _HeaderText] = Field({}, description="a table of names and texts of headers")

    @model_validator(mode="after")
    def _check_reader(self) -> Self:
        if (self.reader is None) == (self.page_objects is None):
            raise ValueError("needs either reader or page_objects")
        if self.reader is not None and self.reader not in (*READERS, OWN_READER):
            known = ", ".join(sorted(READERS))
            raise ValueError(f"reader must be {OWN_READER}, or one of {known}, not {self.reader!r}")
        taken = next((name for name in self.headers if name.lower() in _OWN_HEADERS), None)
        if taken:
            raise ValueError(f"headers can't set {taken!r}, which the crawler sets")
        unknown = set(self.required) - REQUIRABLE
        if unknown:
            raise ValueError(f"required must be of {', '.join(sorted(REQUIRABLE))}, not {min(unknown)!r}")
        if self.currency is not None and self.currency not in MINOR_DIGITS:
            raise ValueError(f"currency must be a code of ISO 4217, not {self.currency!r}")
        return self

    @property
    def version(self) -> str:
        """Version of the reading; a new one makes all pages be read again."""
        return self.extractor or f"{self.name}/1"

    @property
    def reader_label(self) -> str:
        """What reads its pages, for people."""
        return self.reader or f"page objects {self.page_objects}"

    @property
    def profile(self) -> SourceProfile:
        """What readers need of it."""
        return SourceProfile(
            language=self.language,
            decimal=None if self.decimal == "." else self.decimal,
            currency=self.currency,
            territory=self.territory,
            identified_by=self.identified_by,
            sells_only_books=self.sells_only_books,
        )


_TABLES: Mapping[str, type[BaseModel]] = {"politeness": Politeness, "schedule": Schedule}


def check_source_name(name: str) -> str:
    """Raises: Invalid."""
    if not _NAME.fullmatch(name):
        raise Invalid(f"{name!r} must be 1 to 40 of a-z, 0-9 and _, and begin with a letter", field="name")
    return name


def load_definition(path: Path) -> SourceDefinition:
    """The source.toml of a folder, which names the source. Raises: Invalid, one line with file and key."""
    name = check_source_name(path.parent.name)
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(
            f"{path} can't be read: {getattr(error, 'strerror', None) or 'it is no UTF-8'}"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path} is no TOML: {error}") from error
    definition = parse_definition({**content, "name": name, "folder": str(path.parent)}, place=str(path))
    if definition.reader == OWN_READER and not (path.parent / OWN_READER).is_file():
        raise Invalid(f"{path}: the reader is {OWN_READER}, which its folder doesn't have")
    return definition


def parse_definition(content: dict[str, object], *, place: str) -> SourceDefinition:
    """Raises: Invalid for the first fault; `place` begins its line."""
    try:
        return SourceDefinition.model_validate(content)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=True)[0]
        keys = [str(part) for part in fault["loc"] if isinstance(part, str)]
        raise Invalid(f"{place}: {_explain(keys, fault['type'], fault['msg'])}") from error


def _explain(keys: list[str], kind: str, message: str) -> str:
    model = _TABLES.get(keys[0], SourceDefinition) if len(keys) > 1 else SourceDefinition
    key, shown = (keys[-1], ".".join(keys)) if keys else ("", "")
    if kind == "extra_forbidden":
        near = get_close_matches(key, [each for each in model.model_fields if each != "name"], 1, 0.5)
        return f"there is no key {shown!r}" + (f"; the nearest is {near[0]!r}" if near else "")
    if kind == "missing":
        return f"the key {shown!r} is missing"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    field = model.model_fields.get(key)
    return f"{shown!r} must be {field.description if field else 'something else'}"
