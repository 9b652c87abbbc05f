"""`python -m scraper fleet`: a worker that runs the crawls that the fleet is commanded to run.

One thread consumes the commands. A crawl is a child process, `python -m scraper crawl --only-if-running`, so
that it has a core and a memory of its own and can crash alone. Children stop in order when their worker ends,
even after kill -9.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

from bookcore.domain.errors import BookstreamError, Unavailable
from bookcore.event_log import EventLog, open_event_log
from bookcore.event_log.consumer_loop import ConsumerLoop
from bookcore.event_log.dead_letters import DeadLetterQueue
from bookcore.events.topics import COMMAND
from bookcore.kit.admin.server import open_admin_port
from bookcore.kit.clock import SystemClock
from bookcore.kit.logger import get_logger
from bookcore.kit.parent_process import ENVIRONMENT_VARIABLE as PARENT_PIPE
from booksources.sources.schedule import Schedule
from scraper.fleet.commands import GROUP, CommandHandler
from scraper.fleet.control import FleetControl, SourceMode, SourceState, open_fleet
from scraper.fleet.crawl_counts import VARIABLE as COUNTS_FILE
from scraper.fleet.crawl_counts import CrawlCountsFolder
from scraper.fleet.schedules import ScheduleKeeper
from scraper.session.admin import ScraperAdmin
from scraper.session.stop import ExitCode
from scraper.settings import Settings
from scraper.sources import Source, load_sources

_RECONCILE_INTERVAL = 0.5
_FIRST_PAUSE = 1.0
_MAX_PAUSE = 60.0
_STOP_TIMEOUT = 30.0
_log = get_logger(__name__)


@dataclass(slots=True)
class _SourceCrawl:
    """Crawl of one source in this worker. `not_before` (time.monotonic): earliest restart after a failure."""

    child: subprocess.Popen[bytes] | None = None
    url: str | None = None
    pause: float = _FIRST_PAUSE
    not_before: float = 0.0


class FleetWorker:
    """Reconciles its child processes with the state of each source, twice a second.

    `schedules` has every source; None for one that is crawled by command only.
    """

    def __init__(
        self,
        fleet: FleetControl,
        parent_pipe: int,
        counts: CrawlCountsFolder,
        admin: ScraperAdmin,
        *,
        schedules: Mapping[str, Schedule | None],
    ) -> None:
        self._fleet = fleet
        self._counts = counts
        self._admin = admin
        self._keeper = ScheduleKeeper(fleet, schedules, SystemClock(), on_due=admin.show_due)
        self._parent_pipe = parent_pipe
        self._crawls = {source: _SourceCrawl() for source in schedules}

    def run(self, stop: Event) -> None:
        """Run until `stop` is set; then stop the crawls in order and wait for them."""
        try:
            while not stop.wait(_RECONCILE_INTERVAL):
                self._admin.health.beat("fleet")
                self.reconcile()
        finally:
            self._stop_crawls()

    def reconcile(self) -> None:
        """Start and stop crawls as commanded; an unavailable store delays that."""
        try:
            for source, crawl in self._crawls.items():
                state = self._fleet.read_source(source)
                if self._keeper.keep(state):
                    state = self._fleet.read_source(source)
                self._reconcile_source(crawl, state)
        except Unavailable as error:
            _log.warning("frontier unavailable; retrying", reason=str(error))

    def _reconcile_source(self, crawl: _SourceCrawl, state: SourceState) -> None:
        self._admin.show_status(state.source, state.status)
        if crawl.child and crawl.child.poll() is not None:
            self._record_exit(crawl, state, crawl.child.returncode)
        if crawl.child and state.mode is SourceMode.RUNNING and state.url != crawl.url:
            crawl.child.terminate()  # another copy of the site was commanded
        if state.mode is not SourceMode.RUNNING:
            crawl.pause, crawl.not_before = _FIRST_PAUSE, 0.0
        elif not crawl.child and time.monotonic() >= crawl.not_before:
            crawl.url = state.url
            crawl.child = self._start_crawl(state)

    def _record_exit(self, crawl: _SourceCrawl, state: SourceState, code: int) -> None:
        crawl.child = None
        self._counts.fold(state.source)
        if code == ExitCode.DONE and state.mode is not SourceMode.STOPPED:
            self._admin.record_complete(state.source)
        crawl.pause = _FIRST_PAUSE if code == ExitCode.DONE else min(crawl.pause * 2, _MAX_PAUSE)
        crawl.not_before = time.monotonic() + crawl.pause
        _log.info("crawl ended", source=state.source, code=code)

    def _start_crawl(self, state: SourceState) -> subprocess.Popen[bytes]:
        _log.info("crawl started", source=state.source, url=state.url)
        where = ["--url", state.url] if state.url else []
        return subprocess.Popen(  # noqa: S603 - our own program, and a source and URL that were checked
            [sys.executable, "-m", "scraper", "crawl", state.source, "--only-if-running", *where],
            env={
                **os.environ,
                PARENT_PIPE: str(self._parent_pipe),
                COUNTS_FILE: str(self._counts.get_path(state.source)),
                "BOOKSTREAM_ADMIN_PORT": "0",  # the worker's
            },
            pass_fds=[self._parent_pipe],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _stop_crawls(self) -> None:
        children = [crawl.child for crawl in self._crawls.values() if crawl.child]
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(_STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def run_worker(settings: Settings, stop: Event) -> None:
    """Consume commands and run crawls until `stop` is set.

    Raises: Conflict for a second worker on a frontier that serves one; Unavailable when a store can't be
    opened; the error that ended the consumer.
    """
    with ExitStack() as stack:
        fleet = stack.enter_context(closing(open_fleet(settings.frontier_url, is_worker=True)))
        log = stack.enter_context(closing(open_event_log(settings.event_log_url)))
        parent_pipe = stack.enter_context(_open_parent_pipe())
        counts = CrawlCountsFolder(Path(stack.enter_context(TemporaryDirectory(prefix="bookstream-fleet-"))))
        sources = load_sources([settings.sources_folder])
        admin = _create_admin(settings, fleet, log, counts)
        runner = ConsumerLoop(
            log.create_consumer(GROUP, [COMMAND.name]),
            CommandHandler(fleet, DeadLetterQueue(log), sources).handle,
            name=GROUP,
            on_turn=lambda: admin.health.beat("commands"),
        )
        admin.health.require(f"the partitions of {GROUP}", runner.is_assigned)
        admin.health.require("a new start", lambda: not stop.is_set())
        stack.enter_context(open_admin_port(settings, admin.build_pages()))
        admin.health.start()
        errors: list[BookstreamError] = []
        consuming = Thread(target=_consume_commands, args=(runner, stop, errors))
        consuming.start()
        try:
            schedules = _list_schedules(settings, sources)
            FleetWorker(fleet, parent_pipe, counts, admin, schedules=schedules).run(stop)
        finally:
            stop.set()
            consuming.join()
        for error in errors:
            raise error


def _create_admin(
    settings: Settings, fleet: FleetControl, log: EventLog, counts: CrawlCountsFolder
) -> ScraperAdmin:
    checks = {
        "event log": lambda: log.read_progress(COMMAND.name, GROUP),
        "frontier": lambda: fleet.read_source("books_toscrape"),
    }
    return ScraperAdmin(settings, checks, counts.read_total)


def _list_schedules(settings: Settings, sources: Mapping[str, Source]) -> Mapping[str, Schedule | None]:
    return {name: source.schedule if settings.schedules else None for name, source in sources.items()}


def _consume_commands(runner: ConsumerLoop, stop: Event, errors: list[BookstreamError]) -> None:
    """A worker that can't consume commands stops, with the error."""
    try:
        runner.run(stop)
    except BookstreamError as error:
        errors.append(error)
    finally:
        stop.set()


@contextmanager
def _open_parent_pipe() -> Iterator[int]:
    """The reading end; the kernel closes our writing end when this process ends."""
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)
