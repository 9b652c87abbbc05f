"""Replicas that start at once on servers where nothing of ours is yet."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from uuid import uuid4

import pytest
from tests.contract.first_use import AT_ONCE, Store, at_once, open_at_once
from tests.promises import carries

from bookcore.lake import prepare_lake
from bookml.online.sql import SqlStore
from gateway.accounts.database import open_database
from ml_api.predictions.store import PredictionStore

STORES: dict[str, Callable[[str], Store]] = {
    "accounts": open_database,
    "online store": SqlStore,
    "predictions": PredictionStore,
}


@carries("no-lost-restart")
@pytest.mark.parametrize("opened", STORES.values(), ids=STORES)
def test_concurrent_first_opens_of_a_database_all_succeed(
    new_database: str, opened: Callable[[str], Store]
) -> None:
    open_at_once(lambda: opened(new_database))


def test_of_concurrent_bucket_creations_one_succeeds(s3_url: str) -> None:
    bucket = f"s3://t{uuid4().hex}?{s3_url.partition('?')[2]}"
    done = Counter(what.split()[0] for what in at_once(partial(prepare_lake, bucket)))
    assert done == {"made": 1, "kept": AT_ONCE - 1}
