"""From books to a served price on real servers: S3 holds history and snapshots, MLflow the models,
PostgreSQL the predictions, Valkey the newest facts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from mlflow import MlflowClient
from redis import Redis
from tests.unit.bookml.books import make_books, publish_books
from tests.unit.ml_api.test_predict import ask, parse_amount, wait_for

from bookcore.event_log import open_event_log
from bookcore.kit.auth import DEFAULT_SCOPES, HEADER, Identity, InternalTokens, Role
from bookcore.kit.clock import SystemClock
from bookcore.lake import open_lake, prepare_lake
from bookml import snapshot
from bookml.promotion import DecisionRequest, DecisionWriter
from bookml.registry import ModelAction, build_model_name, get_champion, open_registry
from ml_api.app import create_app
from ml_api.settings import Settings
from trainer.job import JobResult, TrainerStores, run_job
from trainer.retrain_policy import RetrainLimits, decide_retraining

BOOKS = 260


@dataclass(frozen=True)
class Platform:
    """Stores of its own on the servers; `source` is nobody else's."""

    settings: Settings
    source: str

    def train(self, source: str) -> tuple[TrainerStores, JobResult]:
        stores = TrainerStores(
            open_event_log(self.settings.event_log_url),
            open_lake(self.settings.lake_url),
            open_registry(self.settings.registry_url),
            SystemClock(),
        )
        return stores, run_job(stores, source, on_progress=lambda *_: None)

    def client(self) -> TestClient:
        tokens = InternalTokens(self.settings.internal_secret.get_secret_value())
        reader = Identity("reader", Role.READER, DEFAULT_SCOPES[Role.READER])
        return TestClient(create_app(self.settings), headers={HEADER: tokens.sign(reader)})


@pytest.fixture
def platform(
    tmp_path: Path, s3_url: str, new_database: str, redis_url: str, mlflow_url: str
) -> Iterator[Platform]:
    own = f"t{uuid4().hex[:12]}"
    lake = f"s3://{own}?{s3_url.partition('?')[2]}"
    prepare_lake(lake)
    features = redis_url.partition("?")[0].rpartition("/")[0] + "/8"
    Redis.from_url(features).flushdb()
    settings = Settings(
        data=tmp_path,
        lake_url=lake,
        registry_url=mlflow_url,
        ml_features_url=features,
        ml_predictions_url=new_database,
        ml_reload_seconds=0.1,
    )
    log = open_event_log(settings.event_log_url)
    publish_books(log, make_books(BOOKS, signal=True, source=own))
    log.close()
    yield Platform(settings, own)
    client = MlflowClient(mlflow_url.removeprefix("mlflow+"), mlflow_url.removeprefix("mlflow+"))
    for model in client.search_registered_models(f"name LIKE 'price-{own}%'"):
        client.delete_registered_model(model.name)
    Redis.from_url(features).flushdb()


def test_model_is_trained_served_traced_and_rolled_back(platform: Platform) -> None:
    stores, first = platform.train(platform.source)
    name = build_model_name(platform.source, "GBP")
    assert (first.decision, first.version.version) == ("promoted", 1)
    assert [m.id for m in snapshot.list_snapshots(stores.lake)] == [first.version.snapshot]
    with platform.client() as client:
        book = f"{platform.source}:b{BOOKS - 1:05d}"
        wait_for(client, f"/ml/features?book_id={book}")
        told = ask(client, book_ids=[book])["items"]
        assert isinstance(told, list)
        (answer,) = told
        assert (answer["kind"], answer["digest"]) == ("model", first.version.digest)
        assert parse_amount(answer) > 0
        found = wait_for(client, f"/ml/predictions/{answer['id']}")
        traced = found["snapshot"]
        assert isinstance(traced, dict)
        assert (traced["id"], traced["rows"]) == (first.version.snapshot, BOOKS)
        assert len(client.get(traced["training_data"]).content.splitlines()) == BOOKS
        DecisionWriter(stores.registry, stores.log, stores.clock).decide(
            DecisionRequest(name, ModelAction.REJECT, "me", "no", 1)
        )
        assert get_champion(stores.registry.list_decisions(name)) is None
    stores.lake.close()
    stores.log.close()


def test_training_again_gives_the_same_bytes_and_nothing_is_due(platform: Platform, tmp_path: Path) -> None:
    stores, first = platform.train(platform.source)
    elsewhere = replace(stores, registry=open_registry(f"file://{tmp_path}/elsewhere"))
    again = run_job(
        elsewhere, platform.source, on_progress=lambda *_: None, snapshot_id=first.version.snapshot
    )
    assert again.version.digest == first.version.digest
    assert run_job(stores, platform.source, on_progress=lambda *_: None).decision == "unchanged"
    assert not decide_retraining(stores, platform.source, RetrainLimits()).needed
    stores.lake.close()
    stores.log.close()


def test_prices_without_signal_are_refused_and_predicted_by_a_labelled_baseline(platform: Platform) -> None:
    noise = f"{platform.source}n"
    log = open_event_log(platform.settings.event_log_url)
    publish_books(log, make_books(BOOKS, signal=False, source=noise))
    log.close()
    stores, outcome = platform.train(noise)
    assert outcome.decision == "refused"
    with platform.client() as client:
        told = ask(client, source=noise, features={"title": "The lamp"})
        assert (told["kind"], told["reason"]) == ("baseline", outcome.version.reason)
    stores.lake.close()
    stores.log.close()
