"""A shop with signal and one without, trained once; each test works on a copy."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.unit.bookml.books import make_books, publish_books

from bookcore.event_log import open_event_log
from bookcore.kit.auth import DEFAULT_SCOPES, HEADER, Identity, InternalTokens, Role
from bookcore.kit.clock import SystemClock
from bookcore.lake import open_lake
from bookml.promotion import DecisionWriter
from bookml.registry import open_registry
from ml_api.app import create_app
from ml_api.settings import Settings
from trainer.job import TrainerStores, run_job


def silent(_: str, __: int, ___: int) -> None:
    """Progress that nobody looks at."""


@dataclass(frozen=True)
class World:
    """A data folder with models in it."""

    settings: Settings

    def stores(self) -> TrainerStores:
        settings = self.settings
        log, lake = open_event_log(settings.event_log_url), open_lake(settings.lake_url)
        return TrainerStores(log, lake, open_registry(settings.registry_url), SystemClock())

    def decider(self) -> DecisionWriter:
        stores = self.stores()
        return DecisionWriter(stores.registry, stores.log, stores.clock)

    def client(self) -> TestClient:
        tokens = InternalTokens(self.settings.internal_secret.get_secret_value())
        reader = Identity("reader", Role.READER, DEFAULT_SCOPES[Role.READER])
        return TestClient(create_app(self.settings), headers={HEADER: tokens.sign(reader)})


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`good` has a champion (2) and the version before it (1); `noise` was refused.

    The workers of a test run share it: training is the longest part of these tests.
    """
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    data = folder / "trained"
    with (folder / "trained.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not data.exists():
            train_models(folder / "trained.new")
            (folder / "trained.new").rename(data)
    return data


def train_models(data: Path) -> None:
    world = World(Settings(data=data))
    stores = world.stores()
    publish_books(stores.log, make_books(260, signal=True, source="good"))
    publish_books(stores.log, make_books(260, signal=False, source="noise"))
    run_job(stores, "good", on_progress=silent)
    run_job(stores, "noise", on_progress=silent)
    publish_books(stores.log, make_books(300, signal=True, source="good"), minute=1)
    run_job(stores, "good", on_progress=silent)
    stores.lake.close()
    stores.log.close()


@pytest.fixture
def world(trained: Path, tmp_path: Path) -> World:
    data = tmp_path / "data"
    shutil.copytree(trained, data)
    return World(Settings(data=data, ml_reload_seconds=0.02))


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    with world.client() as client:
        yield client
