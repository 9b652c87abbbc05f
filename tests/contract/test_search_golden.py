"""A small golden set: seeded typing for the catalogue of the contract suite, beside what was measured last.

`python -m tests.contract.test_search_golden` writes the table anew; a lower value in it needs a reason.
"""

import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.search_typing import CLASSES, TypingClass, generate, make_wanted
from tests.promises import carries

from bookcore.search import SearchIndex, SearchQuery, open_search_index
from bookcore.testing.contracts.search_typing import make_catalogue

_TABLE = Path(__file__).with_name("search_golden.csv")
_EACH = 12
_MOST_LOST = 1.0  # percent points


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchIndex]:
    folder: Path = tmp_path_factory.mktemp("golden")
    index = open_search_index(f"tantivy://{folder}/search", writable=True)
    index.put(make_catalogue())
    yield index
    index.close()


def is_answered(index: SearchIndex, kind: TypingClass) -> Iterator[bool]:
    shelf = [make_wanted(stored) for stored in make_catalogue()]
    for typed in generate(kind, shelf, seed=3, count=_EACH):
        hits = index.search(SearchQuery(typed.text, limit=kind.depth)).hits
        yield any(typed.is_right(hit.book) for hit in hits)


def measure(index: SearchIndex) -> dict[str, tuple[int, float]]:
    """By class the number of texts, and percent answered; `all` is over all texts."""
    answered = {kind.name: list(is_answered(index, kind)) for kind in CLASSES}
    answered["all"] = [right for each in answered.values() for right in each]
    return {name: (len(each), 100 * sum(each) / len(each)) for name, each in answered.items() if each}


@carries("forgiving")
def test_no_class_of_typing_is_answered_worse_than_measured_before(index: SearchIndex) -> None:
    with _TABLE.open() as file:
        before = {row["class"]: (int(row["texts"]), float(row["percent"])) for row in csv.DictReader(file)}
    now = measure(index)
    assert {name: texts for name, (texts, _) in now.items()} == {n: texts for n, (texts, _) in before.items()}
    worse = {
        name: (before[name][1], right)
        for name, (_, right) in now.items()
        if right < before[name][1] - _MOST_LOST
    }
    assert worse == {}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, _TABLE.open("w", newline="") as file:
        made = open_search_index(f"tantivy://{folder}/search", writable=True)
        made.put(make_catalogue())
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["class", "texts", "percent"])
        rows.writerows([name, texts, f"{right:.2f}"] for name, (texts, right) in measure(made).items())
        made.close()
