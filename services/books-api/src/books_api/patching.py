"""Applies a patch of an editor to a stored book."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from bookcore.domain.book import Book, VersionedBook
from bookcore.domain.details import Details
from bookcore.events.book import BookState
from books_api.schemas import AttributesIn, BookIn, BookPatch, DetailsIn, IdentifiersIn, WholeBook

_MERGED_FIELDS = ("identifiers", "attributes", "details")
_NAMED: Mapping[str, type[BaseModel]] = {"identifiers": IdentifiersIn, "attributes": AttributesIn}


def apply_patch(stored: VersionedBook, patch: BookPatch) -> Book:
    """The book after the patch, validated like a new one; what a patch can't name stays.

    Raises: ValidationError, Invalid.
    """
    state = BookState.from_stored(stored)
    fields = state.model_dump(mode="json", include=set(BookIn.model_fields))
    if stored.book.details.plain:
        fields["details"] = {name: fields["details"][name] for name in DetailsIn.model_fields}
    kept = {name: _take_unnamed(fields[name], model) for name, model in _NAMED.items()}
    for name, value in patch.model_dump(mode="json", exclude_unset=True).items():
        if name in _MERGED_FIELDS and value is not None:
            value = {k: v for k, v in {**(fields[name] or {}), **value}.items() if v is not None}
        elif name in kept:
            kept[name] = {}
        fields[name] = value
    model = WholeBook if stored.book.price is None else BookIn  # a patch takes no price away
    book = model.model_validate(fields).to_book()
    return replace(
        book,
        identifiers={**kept["identifiers"], **book.identifiers},
        attributes={**kept["attributes"], **book.attributes},
        details=_merge_details(stored.book.details, book.details),
        offers=stored.book.offers,
    )


def _take_unnamed(values: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:  # Any: JSON
    """Removes and returns the values that only this source prints, which no patch can name."""
    return {name: values.pop(name) for name in list(values) if name not in model.model_fields}


def _merge_details(before: Details, now: Details) -> Details:
    """The detailed forms of before, unless the simple form of it was changed."""
    return replace(
        now,
        subtitle=before.subtitle,
        contributors=before.contributors,
        imprint=before.imprint,
        published=before.published if now.year == before.year else None,
        languages=before.languages if now.language == before.language else (),
        series=before.series,
        subjects=before.subjects,
        covers=before.covers,
    )
