"""The truth about books, and what of it an export got wrong, compared as in the test of the whole site."""

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

from tests.e2e.mirror import FIELDS, as_row, table

Rows = dict[str, dict[str, object]]
_PRICES = ("price_excl_tax", "price_incl_tax", "tax")


def site_truth(shared_data: Path) -> Rows:
    """Of the real site, by UPC."""
    return table(shared_data)


def shop_truth(lines: str) -> Rows:
    """Of the sample shop, from what it tells itself in JSON Lines, by UPC."""
    told = [json.loads(line) for line in lines.splitlines() if line.startswith("{")]
    rows = [{**row, **{name: Decimal(row[name]) for name in _PRICES}, "currency": "GBP"} for row in told]
    return {str(row["upc"]): {name: row[name] or _empty(name) for name in FIELDS} for row in rows}


def differences(books: Iterable[dict[str, object]], truth: Rows) -> list[str]:
    """A line for each book that is lacking, too many or double, and each field that differs."""
    found: Rows = {}
    wrong: list[str] = []
    for row in map(as_row, books):
        wrong += [f"{row['upc']} is there twice"] if str(row["upc"]) in found else []
        found[str(row["upc"])] = row
    wrong += [f"{upc} is only in one of both" for upc in found.keys() ^ truth.keys()]
    return wrong + list(_fields(found, truth))


def _fields(found: Rows, truth: Rows) -> Iterator[str]:
    for upc in found.keys() & truth.keys():
        for name in FIELDS:
            if found[upc][name] != truth[upc][name]:
                yield f"{upc} {name}: {found[upc][name]!r} instead of {truth[upc][name]!r}"


def _empty(name: str) -> object:
    """What a field without a value is in an export: a stock that isn't printed is none."""
    return {"description": "", "stock": None}.get(name, 0)
