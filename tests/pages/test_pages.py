"""Every saved page gives the item beside it: `<source>/<case>/{inputs/{page.html,url.txt},output.json}`."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from scraper.sources import SOURCES

_HERE = Path(__file__).parent
_CASES = sorted(path.parent for path in _HERE.glob("*/*/output.json"))


@pytest.mark.parametrize("case", _CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_saved_page_parses_to_its_item(case: Path) -> None:
    html = (case / "inputs" / "page.html").read_bytes()
    page = SOURCES[case.parent.name].book_page(html, (case / "inputs" / "url.txt").read_text().strip())
    item = {"source_id": page.source_id, "is_whole": page.is_complete, "item": asdict(page.to_item())}
    assert item == json.loads((case / "output.json").read_text())


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_every_source_has_saved_pages(source: str) -> None:
    assert [case for case in _CASES if case.parent.name == source]
