"""Validation errors in plain words."""

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from docs.generate import create_apps
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from bookcore.kit.validation import FORMATS, explain_error, locate_error


def check_plan(name: str) -> str:
    raise ValueError("must be one of free, plus")


class Order(BaseModel):
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "GBP"
    unlisted: Annotated[str, Field(pattern="^x+$")] = "x"
    count: Annotated[int, Field(ge=1, le=200)] = 1
    authors: list[Annotated[str, Field(pattern="^[^;]+$")]] = []
    plan: Annotated[str, AfterValidator(check_plan)] = "free"


@pytest.mark.parametrize(
    ("value", "place", "reason"),
    [
        ({"currency": "gbp"}, "currency", "must be three capital letters such as GBP"),
        ({"unlisted": "y"}, "unlisted", "has an invalid value"),
        ({"count": 201}, "count", "must be at most 200"),
        ({"count": "many"}, "count", "must be a whole number"),
        ({"authors": ["a;b"]}, "authors.0", "must be names of 1 to 200 characters without a semicolon"),
        ({"plan": "gold"}, "plan", "must be one of free, plus"),
        ([], "", "must be an object"),
    ],
)
def test_an_error_is_explained_by_what_is_allowed(value: object, place: str, reason: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Order.model_validate(value)
    error = caught.value.errors()[0]
    assert (locate_error(error), explain_error(error)) == (place, reason)


def find_patterns(name: str, schema: Any) -> Iterator[tuple[str, str]]:
    """(field name, pattern) of every pattern in an OpenAPI document. Any: JSON."""
    if isinstance(schema, list):
        for part in schema:
            yield from find_patterns(name, part)
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield name, schema["pattern"]
        own = schema["name"] if isinstance(schema.get("name"), str) and "in" in schema else name
        for key, part in schema.items():
            inner = {"properties": None, "paths": None, "schemas": None}.get(key, own)
            if key == "properties" and isinstance(part, dict):
                for field, value in part.items():
                    yield from find_patterns(field, value)
            else:
                yield from find_patterns(inner or own, part)


def test_every_field_with_a_pattern_has_words() -> None:
    patterns = {
        field: pattern
        for app in create_apps().values()
        for field, pattern in find_patterns("", app.openapi())
    }
    assert {field: pattern for field, pattern in patterns.items() if field not in FORMATS} == {}
    assert set(FORMATS) == set(patterns)
