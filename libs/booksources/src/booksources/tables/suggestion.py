"""A first mapping for a table nobody has mapped yet, guessed from names of columns and from some rows.

It is a draft to be read and corrected, never used by itself.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import orjson

from bookcore.domain.errors import Invalid
from booksources.tables.reader import Line

_SAMPLE = 500
_NEEDED = ("title", "price")
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


def guessed(lines: Iterable[Line], source: str) -> str:
    """TOML. Raises: Invalid when the table has no rows."""
    rows = [line.cells for line in islice(lines, _SAMPLE) if line.cells is not None]
    if not rows:
        raise Invalid("has no rows that can be read", field="file")
    columns = list(rows[0])
    chosen = _chosen(columns)
    rules = [f"source_id = {_source_id(columns, chosen, rows)}"]
    for field, column in chosen.items():
        rule = _price(column, columns, rows) if field == "price" else _rule(field, column)
        rules.append(f"{field} = {rule}")
    rules += [
        f'# {each} = {{ column = "..." }}  # no column looks like it'
        for each in _NEEDED
        if each not in chosen
    ]
    unused = [name for name in columns if _text(name) not in " ".join(rules)]
    return "\n".join(
        [
            "# A guess from names of columns and some rows: correct it, then try it with --dry-run.",
            f"# Not used: {', '.join(unused)[:300] or 'none'}",
            f"source = {_text(re.sub('[^a-z0-9]+', '_', source.lower()).strip('_')[:40] or 'table')}",
            "",
            "[fields]",
            *rules,
        ]
    )


def _chosen(columns: Sequence[str]) -> dict[str, str]:
    """The column of each field, by the names that such columns have, the likeliest first."""
    folded = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in reversed(columns)}
    found: dict[str, str] = {}
    for field, names in _NAMES.items():
        column = next((folded[name] for name in names.split() if name in folded), None)
        if column is not None and (column not in found.values() or field == "format"):
            found[field] = column
    return found


def _source_id(columns: Sequence[str], chosen: Mapping[str, str], rows: Sequence[Mapping[str, str]]) -> str:
    """A column whose values are all there and all different, else a hash of what tells editions apart."""
    folded = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in columns}
    for name in _IDS.split():
        values = [row.get(folded.get(name, ""), "") for row in rows]
        if all(values) and len(set(values)) == len(values):
            return f"{{ column = {_text(folded[name])} }}"
    parts = ("title", "authors", "publisher", "published", "format")
    named = dict.fromkeys(chosen[part] for part in parts if part in chosen)
    return f"{{ hash = [{', '.join(map(_text, named))}] }}"


def _rule(field: str, column: str) -> str:
    more = f", {_MORE[field]}" if field in _MORE else ""
    return f"{{ column = {_text(column)}{more} }}"


def _price(column: str, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    values = [value for row in rows if (value := row.get(column, "").strip())]
    comma, point = (sum(bool(form.search(value)) for value in values) for form in (_COMMA, _POINT))
    decimal = "," if comma > point else "."
    currency = next((name for name in columns if name.strip().lower() in ("currency", "currencycode")), None)
    if currency is not None:
        return f"{{ columns = [{_text(column)}, {_text(currency)}], decimal = '{decimal}' }}"
    code = _currency(values) or "???"
    doubt = "" if code != "???" else "  # no currency is printed: write its code, such as EUR"
    pattern = r"'[^0-9-]*(-?\d+(?:\.\d+)?)[^0-9]*'"
    rule = f"{{ column = {_text(column)}, decimal = '{decimal}', pattern = {pattern}, write = '\\1 {code}' }}"
    return rule + doubt


def _currency(values: Sequence[str]) -> str | None:
    """The one that all values print."""
    codes: set[str] = {code for value in values for code in re.findall(r"\b[A-Z]{3}\b", value)}
    if len(codes) == 1:
        return codes.pop()
    for sign, code in _SIGNS.items():
        if values and all(sign in value.lower() for value in values):
            return code
    return None


def _text(text: str) -> str:
    """A TOML string; JSON's are the same but for what neither prints plainly."""
    return orjson.dumps(text).decode().replace("\x7f", "\\u007f")
