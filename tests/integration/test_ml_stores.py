"""Registry and online store on real servers: the same suites as on a laptop."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from redis import Redis
from sqlalchemy import create_engine, text
from tests.contract.online import OnlineStoreContract
from tests.contract.predictions import PredictionsContract
from tests.contract.registry import NAME, RegistryContract, decide, first_version

from bookcore.domain.errors import Conflict, Unavailable
from bookml.registry import ModelAction, ModelRegistry, get_champion, open_registry


class TestMlflowRegistry(RegistryContract):
    @pytest.fixture
    def url(self, mlflow_url: str) -> str:
        client = MlflowClient(mlflow_url.removeprefix("mlflow+"), mlflow_url.removeprefix("mlflow+"))
        for name in (NAME, f"{NAME}-decisions"):
            with suppress(MlflowException):
                client.delete_registered_model(name)
        return mlflow_url

    def test_alias_follows_the_decisions(self, registry: ModelRegistry, url: str) -> None:
        first_version(registry)
        decide(registry, ModelAction.PROMOTE, 1)
        client = MlflowClient(url.removeprefix("mlflow+"), url.removeprefix("mlflow+"))
        assert int(client.get_model_version_by_alias(NAME, "champion").version) == 1

    def test_one_of_two_concurrent_decisions_is_a_conflict(self, registry: ModelRegistry) -> None:
        first_version(registry)
        with ThreadPoolExecutor(6) as pool:
            made = list(pool.map(lambda _: _decided(registry), range(6)))
        assert made.count(True) >= 1
        assert len(registry.list_decisions(NAME)) == made.count(True)
        assert get_champion(registry.list_decisions(NAME)) == 1


def _decided(registry: ModelRegistry) -> bool:
    try:
        decide(registry, ModelAction.PROMOTE, 1)
    except Conflict:
        return False
    return True


def test_unavailable_server_is_reported() -> None:
    with pytest.raises(Unavailable, match="MLflow"):
        open_registry("mlflow+http://127.0.0.1:9").list_names()


class TestRedisOnlineStore(OnlineStoreContract):
    @pytest.fixture
    def url(self, redis_url: str) -> Iterator[str]:
        base = redis_url.partition("?")[0].rpartition("/")[0] + "/7"
        Redis.from_url(base).flushdb()
        yield base
        Redis.from_url(base).flushdb()


def drop_table(postgresql_url: str, table: str) -> str:
    """The database's address, with that table gone."""
    url = postgresql_url.partition("?")[0]
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
    engine.dispose()
    return url


class TestPostgresqlOnlineStore(OnlineStoreContract):
    @pytest.fixture
    def url(self, postgresql_url: str) -> str:
        return drop_table(postgresql_url, "ml_online_books")


class TestPostgresqlPredictions(PredictionsContract):
    @pytest.fixture
    def url(self, postgresql_url: str) -> str:
        return drop_table(postgresql_url, "ml_predictions")
