"""What every store of newest facts does."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bookcore.domain.details import Details
from bookml.facts import BookFacts
from bookml.online import OnlineStore, StoredFacts, open_online_store

LAMP = StoredFacts(
    "shop:1", 5, "9.90", "GBP", BookFacts(title="The Lamp", details=Details(authors=("Číž",), pages=288))
)


class OnlineStoreContract:
    """Subclass it and give `url` for a store that is empty."""

    @pytest.fixture
    def url(self) -> str:
        """Where the adapter under test finds an empty store."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, url: str) -> Iterator[OnlineStore]:
        store = open_online_store(url)
        yield store
        store.close()

    def test_book_is_read_as_stored(self, store: OnlineStore) -> None:
        store.put([LAMP])
        assert store.get(["shop:1", "shop:2"]) == {"shop:1": LAMP}

    def test_book_without_a_price_is_read_as_stored(self, store: OnlineStore) -> None:
        unpriced = replace(LAMP, price="", currency="")
        store.put([unpriced])
        assert store.get(["shop:1"]) == {"shop:1": unpriced}

    def test_older_version_changes_nothing_in_any_order(self, store: OnlineStore) -> None:
        older, newer = replace(LAMP, version=4, price="1.00"), replace(LAMP, version=6, price="2.00")
        store.put([newer, older])
        store.put([older, LAMP])
        assert store.get(["shop:1"])["shop:1"].price == "2.00"

    def test_deleted_book_is_missing_until_it_returns(self, store: OnlineStore) -> None:
        store.put([LAMP, replace(LAMP, version=6, facts=None)])
        assert store.get(["shop:1"]) == {}
        store.put([replace(LAMP, version=7)])
        assert store.get(["shop:1"])["shop:1"].version == 7
