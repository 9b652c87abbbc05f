"""Whoever starts at once with others on a new SQLite file is not told of their hurry."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.contract.first_use import Store, open_at_once
from tests.promises import carries

from bookcore.event_log.sqlite_connection import connect
from bookml.online.sql import SqlStore
from gateway.accounts.database import open_database
from ml_api.predictions.store import PredictionStore
from scraper.frontier.sqlite.file import FrontierFile

ROUNDS = 5
STORES: dict[str, Callable[[Path], Store]] = {
    "accounts": lambda file: open_database(f"sqlite:///{file}"),
    "event log": lambda file: connect(file, synchronous="FULL"),
    "frontier": FrontierFile,
    "online store": lambda file: SqlStore(f"sqlite:///{file}"),
    "predictions": lambda file: PredictionStore(f"sqlite:///{file}"),
}


@carries("no-lost-restart")
@pytest.mark.parametrize("opened", STORES.values(), ids=STORES)
def test_concurrent_first_opens_of_a_file_all_succeed(
    tmp_path: Path, opened: Callable[[Path], Store]
) -> None:
    for n in range(ROUNDS):
        open_at_once(partial(opened, tmp_path / str(n) / "new.db"))
