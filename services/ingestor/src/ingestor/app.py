"""The ingestor: opens the stores, runs four consumer threads, closes the stores."""

import gc
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from threading import Event, Thread
from types import TracebackType
from typing import Self

from bookcore.catalogue import Catalogue, open_catalogue, queries
from bookcore.event_log import Consumer, EventLog, open_event_log
from bookcore.event_log.consumer_loop import ConsumerLoop, Handler
from bookcore.event_log.dead_letters import NO_LIMITS, DeadLetterLimits, DeadLetterQueue
from bookcore.events.message import Batch
from bookcore.events.topics import CATEGORY, CHANGED, OBSERVED, RUN, STATE
from bookcore.kit.admin.health import Check, DependencyMonitor, ProcessHealth
from bookcore.kit.admin.metrics import ProcessMetrics
from bookcore.kit.admin.server import AdminPages
from bookcore.kit.clock import SystemClock
from bookcore.kit.tracing.tracer import Tracer, open_tracer
from bookcore.lake import Lake, open_lake
from bookcore.lake.layout import keep_record
from bookcore.search import SearchIndex, open_search_index
from ingestor import catalogue as catalogue_sink
from ingestor import categories as category_sink
from ingestor import changes as change_sink
from ingestor import index as index_sink
from ingestor import runs as run_sink
from ingestor.catalogue import CatalogueSink, create_catalogue_consumer
from ingestor.categories import CategorySink, create_category_consumer
from ingestor.changes import ChangePruner, ChangeSink, create_change_consumer
from ingestor.drill_record import DrillRecord
from ingestor.index import IndexSink, create_index_consumer
from ingestor.measurements import (
    BacklogMeter,
    create_completion_observer,
    create_freshness_observer,
    create_record_counter,
    create_remark_counter,
    measure_batches,
)
from ingestor.pauses import PauseBook
from ingestor.relay import OutboxRelay
from ingestor.runs import RunSink, create_run_consumer, list_complete_runs
from ingestor.settings import Settings
from ingestor.source_guard import SourceGuard

_NEW_OBJECTS_PER_COLLECTION = 50_000
_GROUPS = {
    catalogue_sink.GROUP: OBSERVED.name,
    index_sink.GROUP: STATE.name,
    run_sink.GROUP: RUN.name,
    category_sink.GROUP: CATEGORY.name,
    change_sink.GROUP: CHANGED.name,
}


def tune_garbage_collector() -> None:
    """A batch creates many objects and no cycles; scanning them took half of the CPU time of an initial
    load."""
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS_PER_COLLECTION, 10, 10)


class Ingestor:
    """Context manager; entering opens the stores.

    Raises: Unavailable when a store can't be reached, Conflict when another ingestor writes the index.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._closing = ExitStack()
        self._loops: dict[str, Callable[[Event], None]] = {}
        self.health = ProcessHealth(stuck_seconds=settings.admin_stuck_seconds)
        self.metrics = ProcessMetrics("ingestor")
        self._tracer = Tracer()
        self.dependencies = DependencyMonitor({})

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            self._open_stores(opening)
            self._closing = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def run(self, stop: Event) -> None:
        """Run until `stop` is set.

        Raises: the error that ended a thread, after the others have stopped.
        """
        failures: list[BaseException] = []
        self.health.require("a new start", lambda: not stop.is_set())
        self.health.start()
        threads = [
            Thread(target=_run_guarded, args=(loop, stop, failures), name=name)
            for name, loop in self._loops.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)  # a bounded wait lets the main thread see signals
        if failures:
            raise failures[0]

    def build_pages(self) -> AdminPages:
        """What the admin port serves."""
        return AdminPages(
            health=self.health, dependencies=self.dependencies, render_metrics=self.metrics.render
        )

    def _open_stores(self, opening: ExitStack) -> None:
        settings = self._settings
        self._tracer = open_tracer(settings.traces, self.metrics)
        opening.callback(self._tracer.close)
        index = open_search_index(settings.search_url, writable=True)
        opening.callback(index.close)
        log = open_event_log(settings.event_log_url)
        opening.callback(log.close)
        lake = open_lake(settings.lake_url)
        opening.callback(lake.close)
        catalogue = open_catalogue(settings.catalogue_url)
        opening.callback(catalogue.close)
        self._watch(_list_checks(log, catalogue, index))
        outbox_ready = Event()
        pauses = PauseBook(lake, catalogue, self.metrics, SystemClock())
        pauses.end_all()
        sink = CatalogueSink(
            lake,
            catalogue,
            self._create_queue(log, lake, catalogue_sink.GROUP, NO_LIMITS),
            guard=SourceGuard(
                settings.dead_letter_limits,
                on_pause=pauses.record,
                on_remarks=create_remark_counter(self.metrics),
            ),
            tracer=self._tracer,
        )
        relay = OutboxRelay(catalogue, log, self._tracer, keep=partial(keep_record, lake))
        indexing = IndexSink(
            index,
            self._create_queue(log, lake, index_sink.GROUP, settings.dead_letter_limits),
            on_indexed=create_freshness_observer(self.metrics),
            tracer=self._tracer,
        )
        consumer = create_catalogue_consumer(log, catalogue)
        self._loops = {
            "catalogue": self._create_loop(
                consumer, _notify_after(sink.handle, outbox_ready), catalogue_sink.GROUP
            ),
            "relay": lambda stop: relay.run(stop, outbox_ready, lambda: self.health.beat("relay")),
            "index": self._create_loop(create_index_consumer(log), indexing.handle, index_sink.GROUP),
            "runs": self._create_history_loop(log, lake, catalogue),
            "categories": self._create_category_loop(log, lake, catalogue),
            "changes": self._create_change_loop(log, lake, catalogue),
            "pruning": ChangePruner(catalogue, SystemClock(), timedelta(days=settings.changes_days)).run,
            "backlog": BacklogMeter(log, catalogue, self.metrics, _GROUPS).run,
            "drill": DrillRecord(lake, self.metrics).run,
        }

    def _create_history_loop(
        self, log: EventLog, lake: Lake, catalogue: Catalogue
    ) -> Callable[[Event], None]:
        observe_completion = create_completion_observer(self.metrics)
        observe_completion(list_complete_runs(catalogue))
        queue = self._create_queue(log, lake, run_sink.GROUP, self._settings.dead_letter_limits)
        history = RunSink(catalogue, queue, on_recorded=observe_completion)
        return self._create_loop(create_run_consumer(log, catalogue), history.handle, run_sink.GROUP)

    def _create_category_loop(
        self, log: EventLog, lake: Lake, catalogue: Catalogue
    ) -> Callable[[Event], None]:
        queue = self._create_queue(log, lake, category_sink.GROUP, self._settings.dead_letter_limits)
        consumer = create_category_consumer(log, catalogue)
        return self._create_loop(consumer, CategorySink(catalogue, queue).handle, category_sink.GROUP)

    def _create_change_loop(self, log: EventLog, lake: Lake, catalogue: Catalogue) -> Callable[[Event], None]:
        queue = self._create_queue(log, lake, change_sink.GROUP, self._settings.dead_letter_limits)
        sink = ChangeSink(catalogue, queue, SystemClock())
        return self._create_loop(create_change_consumer(log, catalogue), sink.handle, change_sink.GROUP)

    def _watch(self, checks: Mapping[str, Check]) -> None:
        self.dependencies = DependencyMonitor(checks)
        self.metrics.watch_dependencies(self.dependencies.read_states)

    def _create_queue(
        self, log: EventLog, lake: Lake, group: str, limits: DeadLetterLimits
    ) -> DeadLetterQueue:
        counter = create_record_counter(self.metrics, group)
        return DeadLetterQueue(log, limits, on_handled=counter, keep=partial(keep_record, lake))

    def _create_loop(self, consumer: Consumer, handle: Handler, group: str) -> Callable[[Event], None]:
        loop = ConsumerLoop(
            consumer,
            measure_batches(handle, self.metrics, group),
            limit=self._settings.ingestor_batch,
            name=group,
            on_turn=lambda: self.health.beat(group),
        )
        self.health.require(f"the partitions of {group}", loop.is_assigned)
        return loop.run


def _notify_after(handle: Handler, outbox_ready: Event) -> Handler:
    """The relay needn't wait for its next turn."""

    def handle_and_notify(batch: Batch) -> int:
        done = handle(batch)
        outbox_ready.set()
        return done

    return handle_and_notify


def _list_checks(log: EventLog, catalogue: Catalogue, index: SearchIndex) -> Mapping[str, Check]:
    def check_catalogue() -> None:
        with catalogue.begin_read() as connection:
            queries.get_next_offset(connection, OBSERVED.name, 0)

    return {
        "catalogue": check_catalogue,
        "event log": lambda: log.read_progress(OBSERVED.name, catalogue_sink.GROUP),
        "search": lambda: index.suggest("ready", limit=1),
    }


def _run_guarded(loop: Callable[[Event], None], stop: Event, failures: list[BaseException]) -> None:
    try:
        loop(stop)
    except BaseException as error:  # noqa: BLE001 - run() raises it after the others have stopped
        failures.append(error)
    finally:
        stop.set()
