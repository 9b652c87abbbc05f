"""When a model is trained again, and what is said when it isn't."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.bookml.books import make_books, publish_books

from bookcore.domain.book import Book, Money
from bookcore.domain.errors import NotFound
from bookcore.event_log import open_event_log
from bookcore.events.codec import encode
from bookcore.events.ml import PredictionMade
from bookcore.events.topics import PREDICTED
from bookcore.kit.clock import SystemClock
from bookcore.lake import open_lake
from bookcore.testing.builders import EPOCH, get_price
from bookml.history import update_history
from bookml.registry import open_registry
from trainer.job import run_job
from trainer.retrain_policy import MIN_BOOKS, RetrainDecision, RetrainLimits, decide_retraining
from trainer.stores import TrainerStores

BOOKS = 300


class Stopped:
    """A clock that shows one moment."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        """Always the same."""
        return self._moment

    def monotonic(self) -> float:
        """Always the same."""
        return self._moment.timestamp()


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[TrainerStores]:
    """With a champion of 300 books."""
    log, lake = open_event_log(f"sqlite://{tmp_path}/log.db"), open_lake(f"file://{tmp_path}/lake")
    made = TrainerStores(log, lake, open_registry(f"file://{tmp_path}/ml/models"), SystemClock())
    publish_books(log, make_books(BOOKS, signal=True))
    run_job(made, "shop", on_progress=lambda *_: None)
    yield made
    lake.close()
    log.close()


def decide_after(stores: TrainerStores, *, days: float = 0.0) -> RetrainDecision:
    update_history(stores.log, stores.lake)
    later = datetime.now(UTC) + timedelta(days=days)
    return decide_retraining(replace(stores, clock=Stopped(later)), "shop", RetrainLimits())


def make_more_books(count: int, *, pages: int = 0) -> list[Book]:
    books = make_books(BOOKS + count, signal=True)[BOOKS:]
    return [replace(b, details=replace(b.details, pages=(b.details.pages or 0) + pages)) for b in books]


def test_source_without_changed_books_is_never_due(stores: TrainerStores) -> None:
    assert decide_after(stores, days=400) == RetrainDecision(
        "shop", needed=False, reason="no book is new or has another price"
    )


def test_few_new_books_make_only_an_old_model_due(stores: TrainerStores) -> None:
    publish_books(stores.log, make_more_books(9), minute=1)
    young, old = decide_after(stores), decide_after(stores, days=31)
    assert (young.needed, old.needed) == (False, True)
    assert "9 books are new and 0 have another price, 3% of those it knew" in young.reason
    assert old.reason == "version 1 is 31 days old (limit 30)"


def test_many_new_prices_make_a_source_due(stores: TrainerStores) -> None:
    books = [
        replace(b, price=Money(get_price(b).amount + 1, "GBP")) for b in make_books(BOOKS, signal=True)[:70]
    ]
    publish_books(stores.log, books, minute=1)
    found = decide_after(stores)
    assert found.needed
    assert "70 have another price, 23% of those it knew (limit 0.2)" in found.reason


def test_drift_of_new_books_makes_a_source_due(stores: TrainerStores) -> None:
    limits = replace(RetrainLimits(), share=9.0)
    same = [replace(book, source_id=f"n{book.source_id}") for book in make_books(BOOKS, signal=True)[::3]]
    publish_books(stores.log, same, minute=1)
    update_history(stores.log, stores.lake)
    alike = decide_retraining(stores, "shop", limits)
    publish_books(stores.log, make_more_books(MIN_BOOKS, pages=600), minute=2)
    update_history(stores.log, stores.lake)
    longer = decide_retraining(stores, "shop", limits)
    assert (alike.needed, longer.needed) == (False, True)
    assert longer.reason.startswith("pages of new books is")


@pytest.mark.parametrize(("factor", "due"), [(1.05, False), (3.0, True)])
def test_high_live_error_makes_a_source_due(stores: TrainerStores, factor: float, *, due: bool) -> None:
    books = make_books(BOOKS, signal=True)[: MIN_BOOKS + 10]
    version = stores.registry.list_versions("price-shop-gbp")[0]
    stores.log.append(
        PREDICTED.name,
        [encode(publish_predictions(book, factor, version.digest), source="test") for book in books],
    )
    publish_books(stores.log, [*books, *make_more_books(1)], minute=30)
    found = decide_after(stores)
    assert found.needed is due, found.reason
    assert "the live error is" in found.reason


def publish_predictions(book: Book, factor: float, digest: str) -> PredictionMade:
    price = str(round(get_price(book).amount * Decimal(factor), 2))
    return PredictionMade(
        prediction_id=f"p-{book.id}",
        book_id=book.id,
        source="shop",
        currency="GBP",
        kind="model",
        model="price-shop-gbp",
        version=1,
        digest=digest,
        features="price/1",
        snapshot="0",
        variant="champion",
        price=price,
        low=price,
        high=price,
        coverage=0.9,
        made_at=EPOCH + timedelta(minutes=10),
        milliseconds=1.0,
    )


def test_source_without_a_model_is_due_and_one_without_books_is_not_found(stores: TrainerStores) -> None:
    publish_books(stores.log, make_books(20, signal=True, source="other"))
    update_history(stores.log, stores.lake)
    assert decide_retraining(stores, "other", RetrainLimits()).reason == "there is no model of other yet"
    with pytest.raises(NotFound, match="import or crawl"):
        decide_retraining(stores, "nowhere", RetrainLimits())


def test_missing_snapshot_makes_a_source_due(stores: TrainerStores, tmp_path: Path) -> None:
    for part in (tmp_path / "lake" / "ml" / "snapshots").rglob("part-*"):
        part.write_bytes(b"other")
    assert decide_after(stores).reason.startswith("the snapshot of version 1 can't be read")


def test_command_prints_findings_and_trains_only_due_sources(stores: TrainerStores, tmp_path: Path) -> None:
    publish_books(stores.log, make_books(210, signal=False, source="other"))
    first, again = (
        subprocess.run(
            [sys.executable, "-m", "bookstream", "train", "--if-needed", "--data", str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for _ in range(2)
    )
    assert first[0] == "other: due: there is no model of other yet"
    assert first[1].startswith("price-other-gbp version 1 is refused")
    assert first[2] == "shop: not due: no book is new or has another price"
    assert again == ["other: not due: no book is new or has another price", first[2]]
    challenge = [sys.executable, "-m", "bookstream", "model", "challenge", "price-other-gbp", "1"]
    done = subprocess.run([*challenge, "--data", str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, "refused by the gate" in done.stderr) == (1, True)
