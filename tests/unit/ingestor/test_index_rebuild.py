"""The search index is rebuilt beside the live one, compared, swapped, and rolled back."""

import shutil
from pathlib import Path

import pytest
from tests.unit.ingestor.test_drill import settings
from tests.unit.ingestor.test_sinks import Stores, stores

from bookcore.domain.errors import Conflict, Invalid, NotFound
from bookcore.search import OutdatedIndex, open_search_index
from bookcore.testing.builders import make_versioned_book
from bookcore.testing.index_access import fill, search_ids
from ingestor.index_rebuild import rebuild_index, roll_back_index
from ingestor.settings import Settings

__all__ = ["settings", "stores"]


@pytest.fixture(autouse=True)
def without_writer(settings: Settings, stores: Stores) -> None:
    stores.index.close()


def list_live(settings: Settings) -> list[str]:
    reader = open_search_index(settings.search_url)
    found = search_ids(reader, "", limit=100)
    reader.close()
    return found


def test_a_rebuilt_index_replaces_an_equal_one_and_can_be_rolled_back(settings: Settings) -> None:
    list(rebuild_index(settings, force=True))
    compared, swapped = rebuild_index(settings)
    assert compared == "books=40 living=40 queries=80 agreement=100.0%"
    assert "is live now" in swapped
    assert list(roll_back_index(settings)) == [
        "the index of before the last rebuild is live again; 0 changes since were indexed"
    ]
    assert len(list_live(settings)) == 40


def test_an_index_with_too_few_books_is_refused_unless_forced(settings: Settings) -> None:
    fill(settings.search_url, *(make_versioned_book(f"other{n}") for n in range(60)))
    with pytest.raises(Conflict, match="has 40 books, the live one 60"):
        list(rebuild_index(settings))
    assert len(list_live(settings)) == 60
    list(rebuild_index(settings, force=True))
    assert len(list_live(settings)) == 40


def test_an_index_with_other_hits_is_refused_and_the_differences_are_told(settings: Settings) -> None:
    fill(settings.search_url, *(make_versioned_book(f"other{n}") for n in range(40)))
    lines = rebuild_index(settings)
    assert "first shop:other" in next(lines)
    with pytest.raises(Conflict, match=r"agrees in 50\.0% of the hits, less than 90%"):
        next(lines)
    assert list_live(settings)[0].startswith("other")


def test_queries_of_a_file_are_compared_too(settings: Settings, tmp_path: Path) -> None:
    golden = tmp_path / "golden.txt"
    golden.write_text("# ours\nlamp\n\n")
    list(rebuild_index(settings, force=True))
    asked = settings.model_copy(update={"search_golden_file": golden})
    assert "queries=81" in next(rebuild_index(asked))
    with pytest.raises(Invalid, match="search_golden_file"):
        list(rebuild_index(settings.model_copy(update={"search_golden_file": tmp_path / "none"})))


def test_an_index_of_another_analysis_is_rebuilt_without_a_comparison(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(settings.search_url.removeprefix("tantivy://"))
    with monkeypatch.context() as before:
        before.setattr("bookcore.search.tantivy.documents.ANALYSIS_VERSION", 1)
        fill(settings.search_url, make_versioned_book("u1"))
    with pytest.raises(OutdatedIndex, match="bookstream replay --index"):
        open_search_index(settings.search_url)
    compared, _ = rebuild_index(settings)
    assert "of another version" in compared
    assert len(list_live(settings)) == 40
    with pytest.raises(OutdatedIndex):
        list(roll_back_index(settings))
    assert len(list_live(settings)) == 40


def test_nothing_is_rolled_back_where_nothing_was_replaced(settings: Settings) -> None:
    with pytest.raises(NotFound, match="no index of before"):
        list(roll_back_index(settings))
