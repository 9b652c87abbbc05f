"""Books published at a steady pace, acknowledged and put in the ledger whatever happens to the servers."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Thread
from typing import Self, TypeVar

from tests.e2e.laptop import WITHIN, Laptop

from bookcore.domain.errors import Unavailable
from bookcore.domain.normalise import Origin, PrintedBook, hash_printed
from bookcore.event_log import EventLog, open_event_log
from bookcore.events.book import BookObserved
from bookcore.events.codec import encode
from bookcore.events.message import Message
from bookcore.events.topics import OBSERVED
from bookcore.lake import Lake, open_lake
from bookcore.lake.layout import make_ledger_key, pack_lines
from bookcore.testing.builders import EPOCH

T = TypeVar("T")
_BATCH = 20


def build_observation(number: int, *, price: str, turn: int = 0) -> BookObserved:
    """A sighting of book `number`; later turns are later sightings."""
    origin = Origin("load", f"b{number}", f"http://load.example/b{number}")
    printed = PrintedBook(title=f"Book {number}", price=price, category=f"Shelf {number % 7}")
    return BookObserved(
        source=origin.source,
        source_id=origin.source_id,
        url=origin.url,
        observed_at=EPOCH + timedelta(hours=turn, microseconds=number),
        content_hash=hash_printed(origin, printed),
        extractor="load/1",
        printed=printed,
    )


def build_story(books: int) -> list[BookObserved]:
    """Every book once, then every second one with another price."""
    first = [build_observation(n, price=f"£{n % 90 + 1}.50") for n in range(books)]
    return first + [build_observation(n, price=f"£{n % 90 + 2}.75", turn=1) for n in range(0, books, 2)]


@dataclass
class Publisher:
    """A publisher in a thread; it tries again until everything is acknowledged."""

    laptop: Laptop
    events: Sequence[BookObserved]
    distort: Callable[[list[Message]], list[Message]] = field(default=lambda messages: messages)
    per_second: float = 400

    def __post_init__(self) -> None:
        self._acked = 0
        self._failure: BaseException | None = None
        self._pause = Event()
        self._thread = Thread(target=self._run_guarded, daemon=True)

    def start(self) -> Self:
        """Begin to publish."""
        self._thread.start()
        return self

    def wait_for_share(self, share: float) -> None:
        """Wait until that share of the events is acknowledged."""
        deadline = time.monotonic() + WITHIN
        while self._acked < share * len(self.events):
            assert self._thread.is_alive() or self._acked, self._failure
            assert time.monotonic() < deadline, f"{self._acked} of {len(self.events)} acknowledged"
            self._pause.wait(0.02)

    @property
    def acked(self) -> int:
        """Events acknowledged so far."""
        return self._acked

    @property
    def is_done(self) -> bool:
        """Whether everything is acknowledged, or it gave up."""
        return not self._thread.is_alive()

    def finish(self) -> None:
        """Wait until everything is acknowledged."""
        self._thread.join(WITHIN)
        assert not self._thread.is_alive(), f"{self._acked} of {len(self.events)} acknowledged"
        assert self._failure is None, self._failure

    def _run_guarded(self) -> None:
        try:
            self._publish()
        except BaseException as error:  # noqa: BLE001 - told by finish()
            self._failure = error

    def _publish(self) -> None:
        settings = self.laptop.settings
        log = self._retry_while_unavailable(lambda: open_event_log(settings.event_log_url))
        lake = self._retry_while_unavailable(lambda: open_lake(settings.lake_url))
        for number, start in enumerate(range(0, len(self.events), _BATCH)):
            batch = self.events[start : start + _BATCH]
            self._send(log, lake, number, batch)
            self._acked += len(batch)
            self._pause.wait(_BATCH / self.per_second)
        log.close()
        lake.close()

    def _send(self, log: EventLog, lake: Lake, number: int, batch: Sequence[BookObserved]) -> None:
        messages = self.distort([encode(event, source="scraper/load") for event in batch])
        self._retry_while_unavailable(lambda: log.append(OBSERVED.name, messages))
        segment = pack_lines(_build_lines(batch))
        self._retry_while_unavailable(lambda: lake.put(make_ledger_key("load", "run", number), segment))

    def _retry_while_unavailable(self, act: Callable[[], T]) -> T:
        deadline = time.monotonic() + WITHIN
        while True:
            try:
                return act()
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                self._pause.wait(0.2)


def _build_lines(events: Sequence[BookObserved]) -> Iterator[dict[str, str]]:
    for event in events:
        yield {
            "event_id": event.event_id,
            "key": event.key,
            "version": str(event.version),
            "content_hash": event.content_hash,
        }
