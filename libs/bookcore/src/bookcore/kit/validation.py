"""Plain words for validation errors: a client never sees a regular expression or the validator's own text."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails, ValidationError

from bookcore.domain.errors import Invalid

_REASONS: Mapping[str, str] = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "json_invalid": "is not valid JSON",
    "string_type": "must be text",
    "string_unicode": "must be valid Unicode text",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "is too large",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "decimal_max_digits": "must have at most {max_digits} digits",
    "decimal_max_places": "must have at most {decimal_places} decimals",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "set_type": "must be a list",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "dict_type": "must be an object",
    "mapping_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dataclass_type": "must be an object",
    "date_type": "must be a date such as 2026-03-01",
    "date_parsing": "must be a date such as 2026-03-01",
    "date_from_datetime_parsing": "must be a date such as 2026-03-01",
    "datetime_type": "must be a time such as 2026-03-01T12:00:00Z",
    "datetime_parsing": "must be a time such as 2026-03-01T12:00:00Z",
    "datetime_from_date_parsing": "must be a time such as 2026-03-01T12:00:00Z",
    "timezone_aware": "must have a time zone, such as 2026-03-01T12:00:00Z",
    "path_type": "must be a path",
    "url_parsing": "must be a URL",
    "url_scheme": "must be a URL that starts with {expected_schemes}",
}
"""By pydantic's error type; {names} are of the error's context."""
_OTHER = "has an invalid value"

_AMOUNT = "must be a number such as 51.77, with at most 9 digits before and 3 after the point"
FORMATS: Mapping[str, str] = {
    "amount": _AMOUNT,
    "price_excl_tax": _AMOUNT,
    "tax": _AMOUNT,
    "currency": "must be three capital letters such as GBP",
    "isbn13": "must be 13 digits that start with 978 or 979",
    "average_rating": "must be a number from 0 to 5 with at most two decimals",
    "authors": "must be names of 1 to 200 characters without a semicolon",
    "source": "must be 1 to 40 characters of a-z, 0-9 and _",
    "source_id": "must be 1 to 128 characters of A-Z, a-z, 0-9 and . _ ~ -",
    "Idempotency-Key": "must be 1 to 255 visible ASCII characters without spaces",
    "email": "must be an e-mail address such as you@example.org",
    "books": "must be book ids of 1 to 200 characters without spaces and *",
    "kid": "must be the id of a signing key: 43 characters of A-Z, a-z, 0-9, _ and -",
}
"""Allowed text by field name, for every field of an API that has a pattern; a test compares both."""


def explain_error(error: ErrorDetails) -> str:
    """What is wrong with the value, to follow the field's name: `must be at most 200`."""
    kind = error["type"]
    context: Mapping[str, Any] = error.get("ctx", {})  # Any: numbers and text of every kind of error
    if kind == "string_pattern_mismatch":
        return FORMATS.get(_get_field_name(error), _OTHER)
    if kind == "value_error":
        return str(context.get("error", _OTHER))  # raised by our own validators
    try:
        return _REASONS.get(kind, _OTHER).format(**context)
    except KeyError:
        return _OTHER


def build_invalid(error: ValidationError) -> Invalid:
    """The first error as one of our own: the field's path and the reason, never the invalid value."""
    first = error.errors(include_url=False, include_input=False)[0]
    return Invalid(explain_error(first), field=locate_error(first) or None)


def locate_error(error: ErrorDetails) -> str:
    """The field's path, for example `price.amount`; empty for the whole input."""
    return ".".join(str(part) for part in error["loc"])


def _get_field_name(error: ErrorDetails) -> str:
    return next((part for part in reversed(error["loc"]) if isinstance(part, str)), "")
