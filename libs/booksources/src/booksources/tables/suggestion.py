"""Suggests a mapping for a new table from the names of its columns and some rows.

The suggestion is a draft for a human to correct; it is never used directly.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import orjson

from bookcore.domain.errors import Invalid
from booksources.tables.rows import TableRow

_SAMPLE = 500
_REQUIRED = ("title", "price")
_NAMES: dict[str, str] = {
    "title": "title booktitle name bookname productname naziv titel titre titulo tytul titolo",
    "authors": "authors author writer writers autor auteur authorname bookauthor autore by",
    "price": "price currentprice saleprice sellingprice listprice finalprice priceincltax cena preis prix"
    " precio cost prezzo",
    "category": "category categories bookcategory genre genres subject section shelf kategorija kategorie",
    "publisher": "publisher publishername izdavac verlag imprint editorial wydawnictwo",
    "published": "published year publicationyear yearofpublication publishyear publicationdate publisheddate"
    " originalpublicationyear publishdate releasedate date",
    "pages": "pages numpages pagecount numberofpages pagenumber pagesn npages numberpages",
    "format": "format binding bookformat covertype cover tippoveza edition",
    "language": "language lang languagecode",
    "description": "description synopsis summary blurb desc about overview",
    "average_rating": "averagerating avgrating rating stars numstars score ratingaverage",
    "reviews": "reviews numreviews reviewscount reviewcount ratingscount numratings ratingcount ratings"
    " numberofreviews",
    "isbn": "isbn13 isbn isbn10",
    "image_url": "imageurl image coverimage thumbnail",
    "url": "url link producturl href",
}
_IDS = "id bookid sourceid sku asin upc isbn13 isbn productid"
_FIRST = r"write = '\1', lenient = true"
_MORE = {
    "pages": rf"""absent = ["0"], pattern = '(\d{{1,5}})(?:\.0)?(?: ?[a-z.]+)?', {_FIRST}""",
    "published": rf"""pattern = '.*?(1[5-9]\d\d|20\d\d).*', {_FIRST}""",
    "average_rating": rf"""pattern = '([0-5](?:\.\d{{1,2}})?)\d*(?:[^0-9.].*)?', {_FIRST}""",
    "reviews": rf"""decimal = ".", pattern = '(\d+)(?:\.0+)?(?: .*)?', {_FIRST}""",
    "isbn": "pattern = '([0-9][0-9-]{8,15}[0-9X])', lenient = true",
    "authors": """replace = { ", " = "; " }""",
}
_SIGNS = {
    "£": "GBP",
    "€": "EUR",
    "$": "USD",
    "¥": "JPY",
    "₹": "INR",
    "rs": "INR",
    "zł": "PLN",
    "₽": "RUB",
    "₺": "TRY",
    "rsd": "RSD",
    "din": "RSD",
}
_COMMA = re.compile(r"\d,\d{1,2}(?!\d)|\d\.\d{3}(?!\d)")
_POINT = re.compile(r"\d\.\d{1,2}(?!\d)|\d,\d{3}(?!\d)")


def suggest_mapping(lines: Iterable[TableRow], source: str) -> str:
    """TOML. Raises: Invalid when the table has no rows."""
    rows = [line.cells for line in islice(lines, _SAMPLE) if line.cells is not None]
    if not rows:
        raise Invalid("has no rows that can be read", field="file")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    columns_by_field = _match_columns(columns)
    rules = [f"source_id = {_suggest_source_id(columns, columns_by_field, rows)}"]
    for field, column in columns_by_field.items():
        rule = _suggest_price(column, columns, rows) if field == "price" else _format_rule(field, column)
        rules.append(f"{field} = {rule}")
    rules += [
        f'# {field} = {{ column = "..." }}  # no column looks like it'
        for field in _REQUIRED
        if field not in columns_by_field
    ]
    unused = [name for name in columns if _quote(name) not in " ".join(rules)]
    return "\n".join(
        [
            "# A guess from names of columns and some rows: correct it, then try it with --dry-run.",
            f"# Not used: {', '.join(unused)[:300] or 'none'}",
            f"source = {_quote(re.sub('[^a-z0-9]+', '_', source.lower()).strip('_')[:40] or 'table')}",
            "",
            "[fields]",
            *rules,
        ]
    )


def _match_columns(columns: Sequence[str]) -> dict[str, str]:
    """The column of each field, by known names of such columns, the likeliest first."""
    folded = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in reversed(columns)}
    matches: dict[str, str] = {}
    for field, names in _NAMES.items():
        column = next((folded[name] for name in names.split() if name in folded), None)
        if column is not None and (column not in matches.values() or field == "format"):
            matches[field] = column
    return matches


def _suggest_source_id(
    columns: Sequence[str], columns_by_field: Mapping[str, str], rows: Sequence[Mapping[str, str]]
) -> str:
    """A column without empty or duplicate values, else a hash of the fields that distinguish editions."""
    folded = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in columns}
    for name in _IDS.split():
        values = [row.get(folded.get(name, ""), "") for row in rows]
        if all(values) and len(set(values)) == len(values):
            return f"{{ column = {_quote(folded[name])} }}"
    parts = ("title", "authors", "publisher", "published", "format")
    named = dict.fromkeys(columns_by_field[part] for part in parts if part in columns_by_field)
    return f"{{ hash = [{', '.join(map(_quote, named))}] }}"


def _format_rule(field: str, column: str) -> str:
    more = f", {_MORE[field]}" if field in _MORE else ""
    return f"{{ column = {_quote(column)}{more} }}"


def _suggest_price(column: str, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    values = [value for row in rows if (value := row.get(column, "").strip())]
    comma, point = (sum(bool(form.search(value)) for value in values) for form in (_COMMA, _POINT))
    decimal = "," if comma > point else "."
    currency = next((name for name in columns if name.strip().lower() in ("currency", "currencycode")), None)
    if currency is not None:
        return f"{{ columns = [{_quote(column)}, {_quote(currency)}], decimal = '{decimal}' }}"
    code = _detect_currency(values) or "???"
    doubt = "" if code != "???" else "  # no currency is printed: write its code, such as EUR"
    pattern = r"'[^0-9-]*(-?\d+(?:\.\d+)?)[^0-9]*'"
    rule = (
        f"{{ column = {_quote(column)}, decimal = '{decimal}', pattern = {pattern}, write = '\\1 {code}' }}"
    )
    return rule + doubt


def _detect_currency(values: Sequence[str]) -> str | None:
    """The currency that all values print."""
    codes: set[str] = {code for value in values for code in re.findall(r"\b[A-Z]{3}\b", value)}
    if len(codes) == 1:
        return codes.pop()
    for sign, code in _SIGNS.items():
        if values and all(sign in value.lower() for value in values):
            return code
    return None


def _quote(text: str) -> str:
    """A TOML string; JSON strings differ only in DEL."""
    return orjson.dumps(text).decode().replace("\x7f", "\\u007f")
