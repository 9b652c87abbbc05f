"""Documents and the items that a reader gives of them: `<room>/cases/<case>/{input.*, expected.jsonl}`.

`url.txt` and `profile.json` beside them are the document's address and what its source declares; `reader.txt`
names the reader where it isn't the room's.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

from booksources.readers import READERS
from booksources.reading import Document, SourceProfile

_URL = "https://shop.example/books/x.html"


def list_cases() -> list[Path]:
    """All cases of all rooms."""
    return sorted(path.parent for path in Path(__file__).parent.glob("*/cases/*/input.*"))


def read_case(case: Path) -> list[object]:
    """The items of a case as JSON, without what is empty."""
    address, declared, named = case / "url.txt", case / "profile.json", case / "reader.txt"
    profile = json.loads(declared.read_text()) if declared.exists() else {}
    url = address.read_text().strip() if address.exists() else _URL
    (source,) = case.glob("input.*")
    reader = READERS[named.read_text().strip() if named.exists() else case.parent.parent.name]
    items = reader(Document(url, BytesIO(source.read_bytes()), "text/html"), SourceProfile(**profile))
    return [{type(item).__name__: drop_empty(asdict(item))} for item in items]


def read_expected(case: Path) -> list[object]:
    """The items that the case expects."""
    return [json.loads(line) for line in (case / "expected.jsonl").read_text().splitlines()]


def drop_empty(value: object) -> object:
    """The value without empty parts, as JSON has it."""
    if isinstance(value, Mapping):
        return {name: drop_empty(part) for name, part in value.items() if part not in (None, "", (), {}, [])}
    if isinstance(value, list | tuple):
        return [drop_empty(part) for part in value]
    return value if value is None or isinstance(value, str | int | float | bool) else _format(value)


def _format(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
