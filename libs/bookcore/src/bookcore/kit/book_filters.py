"""Rules of book filters that hold for every service: currencies, and names that look like several."""

from collections.abc import Callable, Sequence
from typing import Annotated

from pydantic import Field

from bookcore.domain.errors import Invalid
from bookcore.kit.query_parameters import CommaSeparated

Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Currencies = Annotated[
    tuple[Currency, ...],
    Field(
        max_length=50,
        description="ISO 4217 codes; a book matches any of them; repeat the parameter or separate by commas",
        examples=[["GBP"]],
    ),
    CommaSeparated,
]
"""A repeatable query parameter."""


def check_one_currency(found: Sequence[str]) -> None:
    """Raises: Invalid with the currencies when prices of several would be compared."""
    if len(found) > 1:
        listed = f"{', '.join(found[:-1])} and {found[-1]}"
        reason = f"the prices are in {listed}; compare those of one, such as currency={found[0]}"
        raise Invalid(reason, field="currency")


def check_listed_names(names: Sequence[str], exists: Callable[[str], bool]) -> None:
    """Raises: Invalid for an unknown category with a comma, which looks like several and matches none."""
    for name in names:
        if "," in name and not exists(name):
            parts = [part.strip() for part in name.split(",")]
            repeated = "&".join(f"category={part}" for part in parts if part)
            reason = f"no category is called {name[:200]!r}; for several repeat it: {repeated[:400]}"
            raise Invalid(reason, field="category")
