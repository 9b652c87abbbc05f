"""Behaviour of an index rebuild, the same for every search engine."""

import pytest

from bookcore.domain.errors import NotFound
from bookcore.search import begin_rebuild, open_search_index, roll_back
from bookcore.testing.builders import make_versioned_book
from bookcore.testing.index_access import fill, search_ids


class IndexRebuildContract:
    """Tests of begin_rebuild, swap, delete_old and discard; `url` is a fixture of the inheriting class."""

    def test_a_rebuilt_index_is_live_after_the_swap(self, url: str) -> None:
        fill(url, make_versioned_book("u1"), make_versioned_book("u2"))
        reader = open_search_index(url)
        rebuilt = begin_rebuild(url)
        assert rebuilt.index.put([make_versioned_book("u2"), make_versioned_book("u3")]) == 2
        assert sorted(search_ids(reader, "")) == ["u1", "u2"]
        rebuilt.swap()
        assert sorted(search_ids(reader, "")) == ["u2", "u3"]
        assert rebuilt.index.put([make_versioned_book("u3"), make_versioned_book("u4")]) == 1
        rebuilt.delete_old()
        rebuilt.discard()
        assert sorted(search_ids(reader, "")) == ["u2", "u3", "u4"]
        fill(url, make_versioned_book("u5"))
        assert len(search_ids(reader, "")) == 4
        reader.close()

    def test_a_discarded_rebuild_does_not_change_the_live_index(self, url: str) -> None:
        fill(url, make_versioned_book("u1"))
        rebuilt = begin_rebuild(url)
        rebuilt.index.put([make_versioned_book("u2")])
        rebuilt.discard()
        again = begin_rebuild(url)
        assert list(again.index.read_versions()) == []
        again.discard()
        reader = open_search_index(url)
        assert search_ids(reader, "") == ["u1"]
        reader.close()

    def test_an_index_can_be_rebuilt_where_none_is(self, url: str) -> None:
        rebuilt = begin_rebuild(url)
        rebuilt.index.put([make_versioned_book("u1")])
        rebuilt.swap()
        rebuilt.delete_old()
        assert search_ids(rebuilt.index, "") == ["u1"]
        rebuilt.discard()
        reader = open_search_index(url)
        assert search_ids(reader, "") == ["u1"]
        reader.close()

    def test_a_replaced_index_comes_back_and_goes_again(self, url: str) -> None:
        fill(url, make_versioned_book("u1"))
        with pytest.raises(NotFound, match="no index of before"):
            roll_back(url)
        rebuilt = begin_rebuild(url)
        rebuilt.index.put([make_versioned_book("u2")])
        rebuilt.swap()
        rebuilt.discard()
        reader = open_search_index(url)
        for expected in ("u1", "u2"):
            roll_back(url)
            assert search_ids(reader, "") == [expected]
        reader.close()
