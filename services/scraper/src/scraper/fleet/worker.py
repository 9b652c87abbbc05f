"""`python -m scraper fleet`: a worker that does what it is told, for as long as it lives.

One thread consumes the commands; a crawl is a child process, `python -m scraper crawl --told`, so that it has
a core, a memory and a death of its own. Children stop in order when their worker is gone, however it went.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from threading import Event, Thread

import structlog

from bookcore.domain.errors import BookstreamError, Unavailable
from bookcore.event_log import open_event_log
from bookcore.event_log.consumer_loop import ConsumerLoop
from bookcore.event_log.dead_letters import DeadLetterQueue
from bookcore.events.topics import COMMAND
from bookcore.kit.parent_process import ENVIRONMENT_VARIABLE as PARENT_PIPE
from scraper.fleet.commands import GROUP, CommandHandler
from scraper.fleet.control import FleetControl, SourceMode, SourceState, open_fleet
from scraper.pages.processor import ExitCode
from scraper.settings import Settings
from scraper.sources import SOURCES

_RECONCILE_INTERVAL = 0.5
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_STOP_TIMEOUT = 30.0
_log = structlog.get_logger()


@dataclass(slots=True)
class _SourceCrawl:
    """The crawl of one source here; `not_before` (time.monotonic) keeps one that fails from failing all the
    time."""

    child: subprocess.Popen[bytes] | None = None
    url: str | None = None
    pause: float = _FIRST_PAUSE
    not_before: float = 0.0


class FleetWorker:
    """Looks twice a second what is to be crawled, and has one crawl for each such source."""

    def __init__(self, fleet: FleetControl, parent_pipe: int) -> None:
        self._fleet = fleet
        self._parent_pipe = parent_pipe
        self._crawls = {source: _SourceCrawl() for source in SOURCES}

    def run(self, stop: Event) -> None:
        """Until told to stop; crawls are then stopped in order, and waited for."""
        try:
            while not stop.wait(_RECONCILE_INTERVAL):
                self.reconcile()
        finally:
            self._stop_crawls()

    def reconcile(self) -> None:
        """One round over all sources; a store that is away is waited for."""
        try:
            for source, crew in self._crawls.items():
                self._reconcile_source(crew, self._fleet.read_source(source))
        except Unavailable as error:
            _log.warning("waiting", reason=str(error))

    def _reconcile_source(self, crew: _SourceCrawl, told: SourceState) -> None:
        if crew.child and crew.child.poll() is not None:
            self._record_exit(crew, told.source, crew.child.returncode)
        if crew.child and told.mode is SourceMode.RUNNING and told.url != crew.url:
            crew.child.terminate()  # another copy of the site is wanted
        if told.mode is not SourceMode.RUNNING:
            crew.pause, crew.not_before = _FIRST_PAUSE, 0.0
        elif not crew.child and time.monotonic() >= crew.not_before:
            crew.url = told.url
            crew.child = self._start_crawl(told)

    def _record_exit(self, crew: _SourceCrawl, source: str, code: int) -> None:
        crew.child = None
        crew.pause = _FIRST_PAUSE if code == ExitCode.DONE else min(crew.pause * 2, _LONGEST_PAUSE)
        crew.not_before = time.monotonic() + crew.pause
        _log.info("crawl ended", source=source, code=code)

    def _start_crawl(self, told: SourceState) -> subprocess.Popen[bytes]:
        _log.info("crawl started", source=told.source, url=told.url)
        where = ["--url", told.url] if told.url else []
        return subprocess.Popen(  # noqa: S603 - our own program, and a source and URL that were checked
            [sys.executable, "-m", "scraper", "crawl", told.source, "--told", *where],
            env={**os.environ, PARENT_PIPE: str(self._parent_pipe)},
            pass_fds=[self._parent_pipe],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _stop_crawls(self) -> None:
        children = [crew.child for crew in self._crawls.values() if crew.child]
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(_STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def run_worker(settings: Settings, stop: Event) -> None:
    """Consume commands and crawl until told to stop.

    Raises: Conflict for a second worker on a frontier that serves one; Unavailable when a store can't be
    opened; whatever ended the consumer.
    """
    with ExitStack() as stack:
        fleet = stack.enter_context(closing(open_fleet(settings.frontier_url, is_worker=True)))
        log = stack.enter_context(closing(open_event_log(settings.event_log_url)))
        alive = stack.enter_context(_open_parent_pipe())
        commands = CommandHandler(fleet, DeadLetterQueue(log))
        runner = ConsumerLoop(log.create_consumer(GROUP, [COMMAND.name]), commands.handle, name=GROUP)
        errors: list[BookstreamError] = []
        consuming = Thread(target=_consume_commands, args=(runner, stop, errors))
        consuming.start()
        try:
            FleetWorker(fleet, alive).run(stop)
        finally:
            stop.set()
            consuming.join()
        for error in errors:
            raise error


def _consume_commands(runner: ConsumerLoop, stop: Event, errors: list[BookstreamError]) -> None:
    """A worker that can't hear commands any more is none: it stops, and says why."""
    try:
        runner.run(stop)
    except BookstreamError as error:
        errors.append(error)
    finally:
        stop.set()


@contextmanager
def _open_parent_pipe() -> Iterator[int]:
    """The reading end; the kernel closes our writing end when this process is gone."""
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)
