"""Compares an export with the true books, as the test of the whole site does."""

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

from tests.e2e.mirror import FIELDS, read_table, to_row

Rows = dict[str, dict[str, object]]
_PRICES = ("price_excl_tax", "price_incl_tax", "tax")


def load_site_truth(shared_data: Path) -> Rows:
    """The books of the real site, by UPC."""
    return read_table(shared_data)


def parse_shop_truth(lines: str) -> Rows:
    """The books of the sample shop, from its own JSON Lines, by UPC."""
    told = [json.loads(line) for line in lines.splitlines() if line.startswith("{")]
    rows = [{**row, **{name: Decimal(row[name]) for name in _PRICES}, "currency": "GBP"} for row in told]
    return {str(row["upc"]): {name: row[name] or _get_empty_value(name) for name in FIELDS} for row in rows}


def compare_books(books: Iterable[dict[str, object]], truth: Rows) -> list[str]:
    """One line per missing, extra or duplicate book, and per different field."""
    found: Rows = {}
    wrong: list[str] = []
    for row in map(to_row, books):
        wrong += [f"{row['upc']} is there twice"] if str(row["upc"]) in found else []
        found[str(row["upc"])] = row
    wrong += [f"{upc} is only in one of both" for upc in found.keys() ^ truth.keys()]
    return wrong + list(_compare_fields(found, truth))


def _compare_fields(found: Rows, truth: Rows) -> Iterator[str]:
    for upc in found.keys() & truth.keys():
        for name in FIELDS:
            if found[upc][name] != truth[upc][name]:
                yield f"{upc} {name}: {found[upc][name]!r} instead of {truth[upc][name]!r}"


def _get_empty_value(name: str) -> object:
    """The exported form of a field without a value."""
    return {"description": "", "stock": None}.get(name, 0)
