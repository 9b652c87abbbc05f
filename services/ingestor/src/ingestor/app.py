"""The ingestor: opens the stores, runs three consumer threads, closes the stores."""

import gc
from collections.abc import Callable
from contextlib import ExitStack
from threading import Event, Thread
from types import TracebackType
from typing import Self

from bookcore.catalogue import open_catalogue
from bookcore.event_log import open_event_log
from bookcore.event_log.dead_letters import DeadLetterQueue
from bookcore.lake import open_lake
from bookcore.search import open_search_index
from ingestor.catalogue import CatalogueSink, create_catalogue_loop
from ingestor.index import IndexSink, create_index_loop
from ingestor.relay import OutboxRelay
from ingestor.settings import Settings

_NEW_OBJECTS_PER_COLLECTION = 50_000


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

    def _open_stores(self, opening: ExitStack) -> None:
        settings = self._settings
        index = open_search_index(settings.search_url, writable=True)
        opening.callback(index.close)
        log = open_event_log(settings.event_log_url)
        opening.callback(log.close)
        lake = open_lake(settings.lake_url)
        opening.callback(lake.close)
        catalogue = open_catalogue(settings.catalogue_url)
        opening.callback(catalogue.close)
        outbox_ready = Event()
        sink = CatalogueSink(
            lake, catalogue, DeadLetterQueue(log, settings.dead_letter_limits), outbox_ready=outbox_ready
        )
        relay = OutboxRelay(catalogue, log)
        indexing = IndexSink(index, DeadLetterQueue(log, settings.dead_letter_limits))
        self._loops = {
            "catalogue": create_catalogue_loop(log, sink, catalogue, limit=settings.ingestor_batch),
            "relay": lambda stop: relay.run(stop, outbox_ready),
            "index": create_index_loop(log, indexing, limit=settings.ingestor_batch),
        }


def _run_guarded(loop: Callable[[Event], None], stop: Event, failures: list[BaseException]) -> None:
    try:
        loop(stop)
    except BaseException as error:  # noqa: BLE001 - run() raises it after the others have stopped
        failures.append(error)
    finally:
        stop.set()
