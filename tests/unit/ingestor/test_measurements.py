"""What the ingestor measures: records and dead letters once each, freshness, lag, outbox, loops."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from tests.unit.ingestor.test_sinks import Stores, in_log, stores

from bookcore.domain.errors import Unavailable
from bookcore.event_log.consumer_loop import ConsumerLoop
from bookcore.event_log.dead_letters import DeadLetterQueue
from bookcore.events.book import BookState
from bookcore.events.codec import encode
from bookcore.events.crawl import RunOutcome
from bookcore.events.message import Batch, Message
from bookcore.events.topics import OBSERVED, RUN, STATE
from bookcore.kit.admin.health import ProcessHealth
from bookcore.kit.admin.metrics import ProcessMetrics
from bookcore.testing.builders import EPOCH, make_book, make_observation, make_versioned_book
from bookcore.testing.contracts.cache import ManualClock
from bookcore.testing.contracts.catalogue_runs import make_report
from ingestor.app import Ingestor
from ingestor.catalogue import GROUP, CatalogueSink
from ingestor.index import IndexSink
from ingestor.measurements import (
    BacklogMeter,
    classify_reason,
    create_completion_observer,
    create_freshness_observer,
    create_record_counter,
    measure_batches,
)
from ingestor.runs import RunSink, list_complete_runs
from ingestor.settings import Settings

__all__ = ["stores"]


@pytest.fixture
def metrics() -> ProcessMetrics:
    return ProcessMetrics("ingestor")


def read(metrics: ProcessMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_records_and_dead_letters_are_counted_once_however_often_they_come(
    stores: Stores, metrics: ProcessMetrics
) -> None:
    queue = DeadLetterQueue(stores.log, on_handled=create_record_counter(metrics, GROUP))
    sink = CatalogueSink(stores.lake, stores.catalogue, queue)
    messages = [
        encode(make_observation(make_book("u1")), source="test"),
        encode(make_observation(make_book("u1"), minute=2), source="test"),
        Message("shop:u1", b"{", ()),
    ]
    (batch,) = in_log(stores.log, OBSERVED.name, messages)
    timed = measure_batches(sink.handle, metrics, GROUP)
    for _ in range(3):
        timed(batch)
    assert read(metrics, "ingestor_records_total", group=GROUP, outcome="accepted") == 2
    assert read(metrics, "ingestor_records_total", group=GROUP, outcome="rejected") == 1
    assert read(metrics, "ingestor_batch_seconds_count", group=GROUP) == 3
    assert (
        sum(
            sample.value
            for family in metrics.registry.collect()
            for sample in family.samples
            if sample.name == "ingestor_dead_letters_total"
        )
        == 1
    )


def test_reasons_of_dead_letters_are_few() -> None:
    reasons = [f"price is no amount: '{n}'" for n in range(99)] + [f"field{n} is odd" for n in range(99)]
    reasons += [f"unknown event type or version 'x{n}'" for n in range(99)] + [
        "observed_at: must be after 1970"
    ]
    assert {classify_reason(reason) for reason in reasons} == {"price", "other", "format", "observed_at"}


def test_end_of_the_last_complete_run_is_measured_in_any_order(
    stores: Stores, metrics: ProcessMetrics
) -> None:
    observe = create_completion_observer(metrics)
    sink = RunSink(stores.catalogue, DeadLetterQueue(stores.log), on_recorded=observe)
    early, late = (
        make_report(run, outcome=RunOutcome.COMPLETE).model_copy(
            update={"ended_at": EPOCH + timedelta(hours=n)}
        )
        for n, run in enumerate(("r1", "r2"))
    )
    messages = [encode(report, source="test") for report in (late, early, make_report("r3"))]
    (batch,) = in_log(stores.log, RUN.name, messages)
    sink.handle(batch)
    name = "ingestor_source_last_complete_timestamp_seconds"
    assert read(metrics, name, source="shop") == (EPOCH + timedelta(hours=1)).timestamp()
    again = ProcessMetrics("ingestor")
    create_completion_observer(again)(list_complete_runs(stores.catalogue))
    assert read(again, name, source="shop") == read(metrics, name, source="shop")


def test_freshness_is_measured_from_the_observation_to_the_acknowledged_index(
    stores: Stores, metrics: ProcessMetrics
) -> None:
    sink = IndexSink(stores.index, DeadLetterQueue(stores.log), on_indexed=create_freshness_observer(metrics))
    now = int(datetime.now(UTC).timestamp() * 1_000_000)
    states = [
        BookState.from_stored(make_versioned_book(f"u{n}", version=now - n * 90_000_000)) for n in range(2)
    ]
    for batch in in_log(stores.log, STATE.name, [encode(state, source="test") for state in states]):
        sink.handle(batch)
    assert read(metrics, "ingestor_freshness_seconds_count") == 2
    assert read(metrics, "ingestor_freshness_seconds_bucket", le="60.0") == 1
    assert read(metrics, "ingestor_freshness_seconds_bucket", le="120.0") == 2


def test_lag_and_outbox_are_measured_in_messages_and_seconds(stores: Stores, metrics: ProcessMetrics) -> None:
    sink = CatalogueSink(stores.lake, stores.catalogue, DeadLetterQueue(stores.log))
    (batch,) = in_log(stores.log, OBSERVED.name, [encode(make_observation(make_book("u1")), source="test")])
    meter = BacklogMeter(stores.log, stores.catalogue, metrics, {GROUP: OBSERVED.name})
    meter.measure()
    behind = {"group": GROUP, "partition": str(batch.partition)}
    assert read(metrics, "ingestor_lag_messages", **behind) == 1
    assert 0 < (read(metrics, "ingestor_lag_seconds", **behind) or 0) < 60
    assert read(metrics, "ingestor_outbox_messages") == 0
    sink.handle(batch)
    meter.measure()
    meter.measure()
    assert read(metrics, "ingestor_outbox_messages") == 2
    assert (read(metrics, "ingestor_outbox_oldest_seconds") or 0) > 0


@pytest.mark.parametrize("is_stuck", [True, False], ids=["stuck", "store away"])
def test_a_stuck_loop_fails_liveness_and_one_that_waits_for_a_store_does_not(
    stores: Stores, *, is_stuck: bool
) -> None:
    clock, stop, handling, go_on = ManualClock(), Event(), Event(), Event()
    health = ProcessHealth(stuck_seconds=60, now=clock.monotonic)

    def handle(batch: Batch) -> int:
        handling.set()
        if is_stuck:
            go_on.wait(60)
            return batch.next
        raise Unavailable("the catalogue is away", retry_after=0.01)

    in_log(stores.log, OBSERVED.name, [encode(make_observation(make_book("u1")), source="test")])
    consumer = stores.log.create_consumer(GROUP, [OBSERVED.name])
    loop = ConsumerLoop(consumer, handle, name=GROUP, on_turn=lambda: health.beat(GROUP))
    thread = Thread(target=loop.run, args=(stop,))
    thread.start()
    assert handling.wait(30)
    clock.advance(61)
    if is_stuck:
        with pytest.raises(Unavailable, match=f"no turn of {GROUP} for 60 s"):
            health.check_live()
    else:
        for _ in range(2):
            handling.clear()
            assert handling.wait(30)
        health.check_live()
    go_on.set()
    stop.set()
    thread.join()


def test_ingestor_is_ready_once_its_partitions_are_assigned_and_not_after_the_order_to_stop(
    tmp_path: Path,
) -> None:
    stop = Event()
    with Ingestor(Settings(data=tmp_path)) as ingestor:
        with pytest.raises(Unavailable, match="starting"):
            ingestor.health.check_ready()
        thread = Thread(target=ingestor.run, args=(stop,))
        thread.start()
        for _ in range(600):
            try:
                ingestor.health.check_ready()
            except Unavailable:
                Event().wait(0.05)
            else:
                break
        ingestor.health.check_ready()
        stop.set()
        with pytest.raises(Unavailable, match="waits for a new start"):
            ingestor.health.check_ready()
        thread.join()
