"""Suggests a mapping for a new table from the names of its columns and its values.

The suggestion is a draft for a human to check; it is never used directly. A sample decides which column is
which field; what identifies a row is tried on the whole table.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from itertools import chain, islice

import orjson

from bookcore.domain.errors import Invalid
from booksources.cleaning.dates import detect_date_notation
from booksources.cleaning.people import detect_people_notation
from booksources.intake.ids import ListingIds
from booksources.tables.evidence import (
    Column,
    has_value,
    is_proven_isbn,
    load_columns,
    score_name,
    score_values,
)
from booksources.tables.price_evidence import ProfileGuess, infer_profile
from booksources.tables.rows import TableFormat, TableRow

_SAMPLE = 1_000
_REQUIRED = ("title", "price")
_UNKNOWN = '{ column = "..." }  # no column looks like it'
_ENOUGH = 0.5  # of the values
_IDS = (
    *(
        "id",
        "bookid",
        "book id",
        "source id",
        "sku",
        "asin",
        "upc",
        "product id",
        "item id",
        "uniqueid",
        "uid",
    ),
    *("isbn13", "isbn", "isbn10", "isbn 10", "goodreads book id", "text", "code", "barcode", "item barcode"),
    *("bibnum", "bib num", "ean", "uid", "uuid"),
)
_KEY = ("isbn", "title", "authors", "publisher", "published", "format", "language", "edition", "series")
_MORE_KEY = ("category", "pages", "dimensions", "description")
_INDEX = re.compile(r"column 1|unnamed:? ?\d*|index|source[_ ]index|no|nr|sno|s no|rank|#", re.IGNORECASE)
_SAFE_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_UNITS = ("kg", "oz", "ounces", "lb", "lbs", "pounds", "mm", "cm", "inches", "in")
_BINDING = re.compile(r"([^,]{3,30}),.*\d{4}.*")


def suggest_mapping(lines: Iterable[TableRow], source: str, form: TableFormat | None = None) -> str:
    """TOML. Raises: Invalid when the table has no rows."""
    rows = (line.cells for line in lines if line.cells is not None)
    sample = list(islice(rows, _SAMPLE))
    if not sample:
        raise Invalid("has no rows that can be read", field="file")
    columns = _read_columns(sample)
    matches = _match_columns(columns)
    by_name = {column.name: column for column in columns}
    profile = infer_profile({field: by_name[name] for field, name in matches.items()}, columns)
    sizes = _suggest_sizes(columns) if "dimensions" not in matches else []
    rules = [
        f"source_id = {_suggest_source_id(columns, matches, chain(sample, rows))}",
        *(f"{field} = {_format_rule(field, by_name[name])}" for field, name in matches.items()),
        *sizes,
        *(f"# {each} = {_UNKNOWN}" for each in _REQUIRED if each not in matches),
    ]
    used = " ".join(rules)
    unused = [column.name for column in columns if _quote(column.name) not in used]
    head = [*_format_head(source, form, unused), *_format_profile(profile)]
    return "\n".join([*head, "", "[fields]", *rules])


def _format_head(source: str, form: TableFormat | None, unused: Sequence[str]) -> list[str]:
    name = re.sub("[^a-z0-9]+", "_", source.lower()).strip("_")[:40] or "table"
    is_plain = form is None or form == TableFormat()
    return [
        "# A guess from names of columns and their values: check it, then try it with --dry-run.",
        f"# Not used: {', '.join(unused)[:300] or 'none'}",
        f"source = {_quote(name)}",
        *([] if form is None or is_plain else [f"encoding = {_quote(form.encoding)}  # guessed from bytes"]),
    ]


def _format_profile(profile: ProfileGuess) -> list[str]:
    lines = ["", "[profile]", f"language = {_quote(profile.language)}{_format_why(profile.language_why)}"]
    if profile.decimal == ",":
        lines.append('decimal = ","')
    if profile.currency:
        return [*lines, f"currency = {_quote(profile.currency)}{_format_why(profile.currency_why)}"]
    if profile.needs_currency:
        return [*lines, '# currency = "???"  # no currency is printed: write its code, such as EUR']
    return lines


def _format_why(reason: str) -> str:
    return f"  # {reason}" if reason else ""


def _read_columns(sample: Sequence[Mapping[str, str]]) -> list[Column]:
    names = dict.fromkeys(name for row in sample for name in row)
    return [
        Column(name, [value for row in sample if has_value(value := row.get(name, "").strip())])
        for name in names
    ]


def _match_columns(columns: Sequence[Column]) -> dict[str, str]:
    """The column of each field, the likeliest pairs of name and values first; each column once."""
    scores = [
        (fit * min(1.0, values + 0.2) + 0.01 * len(column.values) / 1_000, field, column.name)
        for column in columns
        for field in load_columns()
        if (fit := score_name(column.words, field)) and (values := score_values(column, field)) >= _ENOUGH
    ]
    order = list(load_columns())
    matches: dict[str, str] = {}
    for _, field, name in sorted(scores, key=lambda each: (-each[0], order.index(each[1]))):
        if field not in matches and name not in matches.values():
            matches[field] = name
    _add_proven(matches, columns)
    if "rating" in matches and "average_rating" in matches:
        del matches["rating"]
    return {field: matches[field] for field in order if field in matches}


def _add_proven(matches: dict[str, str], columns: Sequence[Column]) -> None:
    """Columns whose values alone say what they are, and dates that stand in the column of formats."""
    free = [column for column in columns if column.name not in matches.values()]
    if "isbn" not in matches:
        proven = [each for each in free if each.measure_share(is_proven_isbn) > 0.9]
        matches.update((("isbn", proven[0].name),) if proven else ())
    by_name = {column.name: column for column in columns}
    edition = by_name.get(matches.get("edition", ""))
    if "format" not in matches and edition and edition.measure_share(_is_binding) > _ENOUGH:
        matches["format"] = matches.pop("edition")
    binding = by_name.get(matches.get("format", ""))
    if "published" not in matches and binding and score_values(binding, "published") > _ENOUGH:
        matches["published"] = binding.name
    subjects = by_name.get(matches.get("subjects", ""))
    if "category" not in matches and subjects and not subjects.measure_share(_is_list):
        matches["category"] = matches.pop("subjects")


def _is_binding(text: str) -> bool:
    """Whether a text is a binding with a date: `Paperback, 10 Mar 2016`."""
    return bool(_BINDING.fullmatch(text))


def _is_list(text: str) -> bool:
    return any(mark in text for mark in ";|[")


def _suggest_source_id(
    columns: Sequence[Column], matches: Mapping[str, str], rows: Iterable[Mapping[str, str]]
) -> str:
    """A column of ids that the whole table has once each, else a hash of what distinguishes editions."""
    ids = [each.name for word in _IDS for each in columns if each.words in (word, word.replace(" ", ""))]
    index = [each.name for each in columns if _INDEX.fullmatch(each.name.strip())]
    key = tuple(dict.fromkeys(matches[field] for field in _KEY if field in matches))
    more = tuple(dict.fromkeys([*key, *(matches[field] for field in _MORE_KEY if field in matches)]))
    duplicates, count = _count_duplicates([*((name,) for name in (*ids, *index)), key, more], rows)
    for name in ids:
        if not duplicates[(name,)]:
            return f"{{ column = {_quote(name)} }}"
    isbn = next((each for each in columns if each.name == matches.get("isbn")), None)
    if duplicates[key] <= count // 100 or (isbn and len(isbn.values) >= min(count, _SAMPLE) * 0.99):
        return f"{{ hash = [{', '.join(map(_quote, key))}] }}"
    for name in index:
        if not duplicates[(name,)]:
            return f"{{ column = {_quote(name)} }}"
    return f"{{ hash = [{', '.join(map(_quote, more))}] }}"


def _count_duplicates(
    keys: Sequence[tuple[str, ...]], rows: Iterable[Mapping[str, str]]
) -> tuple[dict[tuple[str, ...], int], int]:
    """Rows whose value of each key is empty, no id, or had before, over the whole table in bounded memory."""
    counts = dict.fromkeys(keys, 0)
    number = 0
    with ExitStack() as stack:
        seen = {key: stack.enter_context(closing(ListingIds())) for key in counts}
        for number, row in enumerate(rows, start=1):
            for key, ids in seen.items():
                text = "\x1f".join(row.get(name, "").strip() for name in key)
                is_id = _SAFE_ID.fullmatch(text) if len(key) == 1 else text.strip("\x1f")
                if not is_id or ids.add(text, "", number) is not None:
                    counts[key] += 1
    return counts, number


def _format_rule(field: str, column: Column) -> str:
    parts = [f"column = {_quote(column.name)}"]
    if field == "authors":
        people = detect_people_notation(column.values)
        parts += [f'comma = "{people.comma}"'] if people.comma else []
        parts += ["slash = true"] if people.has_slash else []
    if field == "published" and detect_date_notation(column.values, "en").is_serial:
        parts.append("days = true")
    if field == "format" and column.measure_share(_is_binding) > _ENOUGH:
        parts.append("pattern = '([^,]{3,30}),.*', write = '\\1', lenient = true")
    if field in ("subjects", "category") and _has_commas(column):
        parts += ['separator = ","'] if field == "subjects" else []
    if field in ("dimensions", "weight"):
        parts += _format_unit(field, column)
    return f"{{ {', '.join(parts)} }}"


def _suggest_sizes(columns: Sequence[Column]) -> list[str]:
    """Dimensions from columns of width and height; their size tells millimetres from centimetres."""
    named = [each for word in ("width", "height") for each in columns if word in each.words.split()]
    if len(named) != 2 or not all(each.values for each in named):
        return []
    longest = max((len(re.sub(r"[.,].*", "", text)) for text in named[1].values), default=0)
    words = f"{named[0].words} {named[1].words}".split()
    unit = next(
        (word for word in ("mm", "cm", "inches", "in") if word in words), "mm" if longest > 2 else "cm"
    )
    pair = ", ".join(_quote(each.name) for each in named)
    return [f'dimensions = {{ columns = [{pair}], join = " x ", unit = "{unit}" }}']


def _has_commas(column: Column) -> bool:
    return column.measure_share(lambda text: "," in text and ";" not in text) > _ENOUGH


def _format_unit(field: str, column: Column) -> list[str]:
    """The unit that the name of the column tells, or the usual one of numbers alone."""
    if column.measure_share(lambda text: bool(re.search(r"[a-wyz]{2}|\"|\d\s?g", text.lower()))) > _ENOUGH:
        return []
    words = column.words.split()
    named = next((unit for unit in _UNITS if unit in words), None)
    return [f'unit = "{named or ("cm" if field == "dimensions" else "g")}"']


def _quote(text: str) -> str:
    """A TOML string; JSON strings differ only in DEL."""
    return orjson.dumps(text).decode().replace("\x7f", "\\u007f")
