import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tantivy

from bookcore.domain.errors import Conflict, Invalid, Unavailable
from bookcore.search import SearchIndex, SearchQuery, begin_rebuild, open_search_index
from bookcore.testing.builders import make_versioned_book
from bookcore.testing.contracts.search import SearchContract
from bookcore.testing.index_access import count_commits, fill, kill_a_writer, search_ids

_OPEN = """
import sys
from bookcore.search import SearchIndex, SearchQuery, open_search_index, begin_rebuild
print(open_search_index(sys.argv[1]).search(SearchQuery("")).total)
"""
_FILL_A_SMALL_DISK = """
import resource, sys
from bookcore.domain.errors import Unavailable
from bookcore.search import open_search_index
from bookcore.testing.builders import make_versioned_book
index = open_search_index(sys.argv[1], writable=True)
index.put([make_versioned_book("u1")])
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
books = [make_versioned_book(f"n{n}") for n in range(2_000)]
for _ in range(2):
    try:
        index.put(books)
    except Unavailable as error:
        print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
print(len(list(index.read_versions())), index.put(books), len(list(index.read_versions())))
"""


class TestTantivyIndex(SearchContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"tantivy://{tmp_path}/search"

    def test_a_killed_writer_leaves_whole_batches(self, url: str) -> None:
        kill_a_writer(url)
        index = open_search_index(url)
        assert set(count_commits(index).values()) == {20}
        index.close()

    def test_a_swap_is_refused_while_a_writer_runs(self, index: SearchIndex, url: str) -> None:
        index.put([make_versioned_book("u1")])
        rebuilt = begin_rebuild(url)
        with pytest.raises(Conflict, match="another process writes"):
            rebuilt.swap()
        rebuilt.discard()
        assert search_ids(index, "") == ["u1"]

    def test_a_second_rebuild_is_refused_while_the_first_runs(self, url: str) -> None:
        first = begin_rebuild(url)
        with pytest.raises(Conflict, match="-rebuilt"):
            begin_rebuild(url)
        first.discard()

    def test_a_swap_that_was_cut_off_between_its_renames_is_put_back(self, url: str) -> None:
        fill(url, make_versioned_book("u1"))
        folder = Path(url.removeprefix("tantivy://"))
        folder.replace(folder.with_name("search-before"))
        begin_rebuild(url).discard()
        reader = open_search_index(url)
        assert search_ids(reader, "") == ["u1"]
        reader.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "search"


def fill_folder(folder: Path, *source_ids: str) -> None:
    fill(f"tantivy://{folder}", *map(make_versioned_book, source_ids))


def test_processes_that_start_together_make_the_index_once(folder: Path) -> None:
    command = [sys.executable, "-c", _OPEN, f"tantivy://{folder}"]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate()[0] for process in started] == ["0\n"] * 4


def test_a_reader_goes_on_when_the_folder_is_replaced(folder: Path, tmp_path: Path) -> None:
    fill_folder(folder, "u1")
    fill_folder(tmp_path / "rebuilt", "u2", "u3")
    reader = open_search_index(f"tantivy://{folder}")
    assert search_ids(reader, "") == ["u1"]
    shutil.rmtree(folder)
    assert search_ids(reader, "") == ["u1"]
    (tmp_path / "rebuilt").replace(folder)
    assert sorted(search_ids(reader, "")) == ["u2", "u3"]
    reader.close()


def test_a_reader_takes_no_writes(folder: Path) -> None:
    reader = open_search_index(f"tantivy://{folder}")
    with pytest.raises(Conflict, match="writable"):
        reader.put([make_versioned_book("u1")])
    reader.close()


def test_a_full_disk_does_not_change_the_index_and_writing_resumes(folder: Path) -> None:
    command = [sys.executable, "-c", _FILL_A_SMALL_DISK, f"tantivy://{folder}"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert ["free some disk space" in line for line in told] == [True, True, False]
    assert told[-1] == "1 2000 2001"


def test_a_damaged_index_is_rejected_with_its_folder(folder: Path) -> None:
    fill_folder(folder, "u1")
    (folder / "meta.json").write_text("{")
    with pytest.raises(Unavailable, match=str(folder)):
        open_search_index(f"tantivy://{folder}")


def test_an_index_of_another_make_is_refused_with_the_remedy(folder: Path) -> None:
    folder.mkdir()
    tantivy.Index(tantivy.SchemaBuilder().build(), path=str(folder))
    with pytest.raises(Conflict, match="bookstream replay"):
        open_search_index(f"tantivy://{folder}", writable=True)
    shutil.rmtree(folder)
    fill_folder(folder, "u1")


def test_a_folder_must_be_absolute() -> None:
    with pytest.raises(Invalid, match="absolute"):
        open_search_index("tantivy://search")


def test_many_small_batches_leave_few_segments(folder: Path) -> None:
    index = open_search_index(f"tantivy://{folder}", writable=True)
    for n in range(60):
        index.put([make_versioned_book(f"u{n}-{m}") for m in range(5)])
    index.close()
    assert tantivy.Index.open(str(folder)).searcher().num_segments <= 16
    reader = open_search_index(f"tantivy://{folder}")
    assert reader.search(SearchQuery("")).total == 300
    reader.close()
