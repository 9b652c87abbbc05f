"""From books on the state topic to a decision, on a shop of our own."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from tests.promises import carries
from tests.unit.bookml.books import make_books, publish_books
from threadpoolctl import threadpool_info

from bookcore.domain.errors import Conflict, NotFound
from bookcore.event_log import open_event_log
from bookcore.events.codec import decode
from bookcore.events.ml import ModelDecided
from bookcore.events.topics import DECIDED
from bookcore.kit.clock import SystemClock
from bookcore.lake import open_lake
from bookcore.testing.builders import get_price
from bookml import artifact
from bookml.encoder import COLUMNS
from bookml.facts import extract_facts
from bookml.features import compute_features
from bookml.predictor import PricePredictor
from bookml.promotion import DecisionRequest, DecisionWriter
from bookml.registry import ModelAction, get_champion, open_registry
from trainer.fit import TrainingRows, fit, predict_out_of_fold
from trainer.folds import assign_folds
from trainer.gate import MIN_BOOKS, Verdict, compute_gain
from trainer.job import JobResult, run_job
from trainer.onnx_graph import build_graph
from trainer.stores import TrainerStores

NAME = "price-shop-gbp"


def silent(_: str, __: int, ___: int) -> None:
    """Progress that nobody looks at."""


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[TrainerStores]:
    log, lake = open_event_log(f"sqlite://{tmp_path}/log.db"), open_lake(f"file://{tmp_path}/lake")
    yield TrainerStores(log, lake, open_registry(f"file://{tmp_path}/models"), SystemClock())
    lake.close()
    log.close()


def train_on_shop(stores: TrainerStores, *, signal: bool, books: int = 400, minute: int = 0) -> JobResult:
    publish_books(stores.log, make_books(books, signal=signal), minute=minute)
    return run_job(stores, "shop", on_progress=silent)


def make_rows(books: int, *, signal: bool, gaps: bool = False) -> TrainingRows:
    """With `gaps`, nobody knows the pages of a third of the books."""
    made = make_books(books, signal=signal)
    facts = [extract_facts(book) for book in made]
    if gaps:
        unknown = [replace(each, details=replace(each.details, pages=None)) for each in facts[::3]]
        facts[::3] = unknown
    logs = np.log1p(np.array([float(get_price(book).amount) for book in made]))
    return TrainingRows.from_features(
        [compute_features(each) for each in facts], [each.work_key for each in facts], logs
    )


@carries("gated")
def test_model_of_prices_without_signal_is_refused_with_the_reason(stores: TrainerStores) -> None:
    outcome = train_on_shop(stores, signal=False)
    assert outcome.decision == "refused"
    assert outcome.version.verdict == Verdict.NOISE
    assert "carry no signal" in outcome.sentence
    assert get_champion(stores.registry.list_decisions(NAME)) is None
    with pytest.raises(Conflict, match="refused by the gate"):
        DecisionWriter(stores.registry, stores.log, stores.clock).decide(
            DecisionRequest(NAME, ModelAction.PROMOTE, "me", "please", 1)
        )


def test_model_of_prices_with_signal_is_promoted_and_published(stores: TrainerStores) -> None:
    outcome = train_on_shop(stores, signal=True)
    assert (outcome.decision, outcome.version.passed) == ("promoted", True)
    assert outcome.version.metrics["gain_low"] > 0.2
    assert abs(outcome.version.metrics["coverage"] - 0.9) < 0.03
    assert get_champion(stores.registry.list_decisions(NAME)) == 1
    event = decode(stores.log.read(DECIDED.name, 0, 0, 1)[0]).event
    assert isinstance(event, ModelDecided)
    assert (event.name, event.version, event.act) == (NAME, 1, "promote")


def test_few_books_are_not_enough_for_a_promotion(stores: TrainerStores) -> None:
    outcome = train_on_shop(stores, signal=True, books=MIN_BOOKS - 1)
    assert outcome.version.verdict == Verdict.TOO_FEW


@carries("byte-equal")
def test_training_again_on_the_same_books_gives_the_same_bytes(stores: TrainerStores, tmp_path: Path) -> None:
    first = train_on_shop(stores, signal=True, books=250)
    again = run_job(stores, "shop", on_progress=silent)
    elsewhere = replace(stores, registry=open_registry(f"file://{tmp_path}/elsewhere"))
    apart = run_job(elsewhere, "shop", on_progress=silent, snapshot_id=first.version.snapshot)
    assert (again.decision, again.version) == ("unchanged", first.version)
    assert elsewhere.registry.read_files(apart.version) == stores.registry.read_files(first.version)


def test_training_runs_in_one_thread(
    stores: TrainerStores,
) -> None:
    threads: list[int] = []
    publish_books(stores.log, make_books(220, signal=True))
    run_job(
        stores,
        "shop",
        on_progress=lambda *_: threads.extend(pool["num_threads"] for pool in threadpool_info()),
    )
    assert set(threads) == {1}


def test_later_model_replaces_the_champion_only_if_it_beats_it(stores: TrainerStores) -> None:
    train_on_shop(stores, signal=True, books=250)
    outcome = train_on_shop(stores, signal=True, books=260, minute=1)
    assert outcome.version.version == 2
    assert outcome.decision in ("kept", "promoted")
    better = compute_gain(np.full(50, 0.1), np.full(50, 0.2), [str(n) for n in range(50)])
    same = compute_gain(np.tile([0.1, 0.2], 25), np.tile([0.2, 0.1], 25), [str(n) for n in range(50)])
    assert (better.low > 0, same.low > 0) == (True, False)


def test_rollback_restores_the_previous_champion(stores: TrainerStores) -> None:
    train_on_shop(stores, signal=True, books=250)
    decider = DecisionWriter(stores.registry, stores.log, stores.clock)
    second = train_on_shop(stores, signal=True, books=300, minute=1).version.version
    if get_champion(stores.registry.list_decisions(NAME)) != second:
        decider.decide(DecisionRequest(NAME, ModelAction.PROMOTE, "me", "try it", second))
    decider.decide(DecisionRequest(NAME, ModelAction.ROLLBACK, "me", "no good"))
    assert get_champion(stores.registry.list_decisions(NAME)) == 1
    decider.decide(DecisionRequest(NAME, ModelAction.REJECT, "me", "no good either", 1))
    assert get_champion(stores.registry.list_decisions(NAME)) is None
    with pytest.raises(NotFound, match="no champion"):
        decider.decide(DecisionRequest(NAME, ModelAction.ROLLBACK, "me", "again"))


def test_training_without_books_is_not_found(stores: TrainerStores) -> None:
    with pytest.raises(NotFound, match="import or crawl"):
        run_job(stores, "shop", on_progress=silent)


def test_no_work_is_in_two_folds_in_any_order() -> None:
    works = [f"work {n % 40}" for n in range(200)]
    folds = assign_folds(works, folds=5, salt="s")
    assert len({(work, fold) for work, fold in zip(works, folds.tolist(), strict=True)}) == 40
    assert assign_folds(works[::-1], folds=5, salt="s").tolist() == folds.tolist()[::-1]


def test_work_that_repeats_its_own_price_gives_no_gain() -> None:
    """Every work has a price of its own and three editions: leaking folds would predict it exactly."""
    base = make_books(300, signal=False)
    prices = {n: math.exp(1 + (n * 7919 % 100) / 40) for n in range(100)}
    facts = [replace(extract_facts(base[n % 100]), title=f"Work {n % 100}") for n in range(300)]
    logs = np.log1p(np.array([prices[n % 100] for n in range(300)]))
    rows = TrainingRows.from_features(
        [compute_features(each) for each in facts], [each.work_key for each in facts], logs
    )
    made = predict_out_of_fold(rows, on_progress=silent)
    error, dummy = (float(np.sqrt(np.mean((each - logs) ** 2))) for each in (made.model[:, 0], made.mean))
    assert error > 0.8 * dummy


def test_graph_and_boosters_predict_the_same() -> None:
    rows = make_rows(300, signal=True, gaps=True)
    fitted = fit(rows, salt="t")
    facts = artifact.ModelDescription(
        source="shop",
        currency="GBP",
        snapshot="0",
        features="price/1",
        columns=COLUMNS,
        tables=fitted.tables,
        offsets={"": 0.0},
        coverage=0.9,
        centre=1.0,
        spread=(0.5, 1.5),
    )
    files = {artifact.MODEL: build_graph(fitted), artifact.FACTS: facts.to_json()}
    predictor = PricePredictor(files)
    served = predictor.predict_logs(rows.features)
    assert np.abs(served - fitted.predict(rows)).max() < 1e-4
    assert np.abs(predictor.predict_logs(list(rows.features) * 3) - np.tile(served, (3, 1))).max() < 1e-6


def test_card_is_self_contained(stores: TrainerStores) -> None:
    version = train_on_shop(stores, signal=True, books=250).version
    files = stores.registry.read_files(version)
    card = orjson.loads(files[artifact.CARD])
    assert card["data"]["snapshot"] == version.snapshot
    assert len(card["error_by_decile"]) == 10
    page = files[artifact.PAGE].decode()
    assert page.count("<svg") == 3
    assert "http" not in page
