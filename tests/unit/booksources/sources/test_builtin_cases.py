"""Every saved page of a built-in source gives its listings: `cases/<case>/{input.html, expected.jsonl}`."""

import json
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import pytest
from tests.unit.booksources.reader_cases import drop_empty

from booksources.readers import READERS
from booksources.reading import Document, Listing
from booksources.sources.registry import get_builtin_folder, scan_sources

_DEFINITIONS = {name: each for name, each in scan_sources().definitions.items() if each.reader}
_CASES = [
    path.parent for name in _DEFINITIONS for path in (get_builtin_folder() / name).glob("cases/*/url.txt")
]


@pytest.mark.parametrize("case", _CASES, ids=lambda case: f"{case.parent.parent.name}/{case.name}")
def test_saved_page_of_a_source_gives_its_listings(case: Path) -> None:
    source = _DEFINITIONS[case.parent.parent.name]
    document = Document((case / "url.txt").read_text().strip(), BytesIO((case / "input.html").read_bytes()))
    items = READERS[source.reader or ""](document, source.profile)
    found = [drop_empty(asdict(item)) for item in items if isinstance(item, Listing)]
    lines = (case / "expected.jsonl").read_text().splitlines()
    assert found == [drop_empty(json.loads(line)) for line in lines]


def test_every_built_in_source_with_a_reader_has_a_saved_page() -> None:
    assert {case.parent.parent.name for case in _CASES} == _DEFINITIONS.keys()
