"""Behaviour of every lake."""

import threading
from collections.abc import Iterator

import pytest

from bookcore.domain.errors import Invalid, NotFound
from bookcore.lake import Lake, open_lake


class LakeContract:
    """A subclass provides `url` for an empty lake."""

    @pytest.fixture
    def url(self) -> str:
        """Where the adapter under test finds an empty lake."""
        raise NotImplementedError

    @pytest.fixture
    def lake(self, url: str) -> Iterator[Lake]:
        """The open lake."""
        lake = open_lake(url)
        yield lake
        lake.close()

    def test_get_returns_the_stored_bytes(self, lake: Lake) -> None:
        assert lake.put("a/b=1/c.zst", b"\x00body") is True
        assert lake.get("a/b=1/c.zst") == b"\x00body"
        assert lake.exists("a/b=1/c.zst")

    def test_a_second_put_changes_nothing_and_returns_false(self, lake: Lake) -> None:
        lake.put("a/b", b"first")
        assert lake.put("a/b", b"second") is False
        assert lake.get("a/b") == b"first"

    def test_many_objects_are_put_at_once_and_those_already_there_stay(self, lake: Lake) -> None:
        lake.put("many/3", b"first")
        bodies = {f"many/{n}": str(n).encode() for n in range(600)}
        lake.put_many(bodies)
        lake.put_many(bodies)
        assert lake.get("many/3") == b"first"
        assert {key: lake.get(key) for key in lake.list("many/")} == {**bodies, "many/3": b"first"}

    def test_an_invalid_key_among_many_is_rejected_before_any_write(self, lake: Lake) -> None:
        with pytest.raises(Invalid):
            lake.put_many({"many/good": b"1", "../bad": b"2"})
        assert list(lake.list("many/")) in ([], ["many/good"])

    def test_of_many_writers_racing_for_a_key_exactly_one_wins(self, lake: Lake) -> None:
        """Many keys: a server that only looks before it writes is found out at one in six."""
        for turn in range(25):
            key = f"race/{turn}"
            assert [str(number).encode() for number in _count_winners(lake, key)] == [lake.get(key)]

    def test_listing_gives_the_keys_of_a_prefix_in_byte_order(self, lake: Lake) -> None:
        keys = ["x/a.b", "x/a/1", "x/a/2", "x/a0", "y/1", "x/ab/0"]
        for key in keys:
            lake.put(key, b"")
        assert list(lake.list("x/")) == sorted(k for k in keys if k.startswith("x/"))
        assert list(lake.list("x/a/")) == ["x/a/1", "x/a/2"]
        assert list(lake.list("nothing/")) == []

    def test_a_missing_key_is_not_found(self, lake: Lake) -> None:
        assert not lake.exists("no/such")
        with pytest.raises(NotFound, match="no/such"):
            lake.get("no/such")

    @pytest.mark.parametrize("key", ["../up", "/abs", "a/../../b", "", "sp ace", "a\x00"])
    def test_a_key_that_could_leave_the_lake_is_refused(self, lake: Lake, key: str) -> None:
        with pytest.raises(Invalid):
            lake.put(key, b"")


def _count_winners(lake: Lake, key: str) -> list[int]:
    """Number of the eight writers whose put returned True."""
    won: list[int] = []
    gate = threading.Barrier(8)

    def race(number: int) -> None:
        gate.wait()
        if lake.put(key, str(number).encode()):
            won.append(number)

    racers = [threading.Thread(target=race, args=(n,)) for n in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    return won
