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
from scraper.fleet.commands import GROUP, Commands
from scraper.fleet.control import Fleet, Mode, Told, open_fleet
from scraper.pages.processor import Exit
from scraper.settings import Settings
from scraper.sources import SOURCES

_LOOK_EVERY = 0.5
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_ENOUGH_TO_END = 30.0
_log = structlog.get_logger()


@dataclass(slots=True)
class _Crew:
    """The crawl of one source here; `not_before` (time.monotonic) keeps one that fails from failing all the
    time."""

    child: subprocess.Popen[bytes] | None = None
    url: str | None = None
    pause: float = _FIRST_PAUSE
    not_before: float = 0.0


class Worker:
    """Looks twice a second what is to be crawled, and has one crawl for each such source."""

    def __init__(self, fleet: Fleet, alive: int) -> None:
        self._fleet = fleet
        self._alive = alive
        self._crews = {source: _Crew() for source in SOURCES}

    def run(self, stop: Event) -> None:
        """Until told to stop; crawls are then stopped in order, and waited for."""
        try:
            while not stop.wait(_LOOK_EVERY):
                self.look()
        finally:
            self._end()

    def look(self) -> None:
        """One round over all sources; a store that is away is waited for."""
        try:
            for source, crew in self._crews.items():
                self._mind(crew, self._fleet.told(source))
        except Unavailable as error:
            _log.warning("waiting", reason=str(error))

    def _mind(self, crew: _Crew, told: Told) -> None:
        if crew.child and crew.child.poll() is not None:
            self._note_end(crew, told.source, crew.child.returncode)
        if crew.child and told.mode is Mode.RUNNING and told.url != crew.url:
            crew.child.terminate()  # another copy of the site is wanted
        if told.mode is not Mode.RUNNING:
            crew.pause, crew.not_before = _FIRST_PAUSE, 0.0
        elif not crew.child and time.monotonic() >= crew.not_before:
            crew.url = told.url
            crew.child = self._start(told)

    def _note_end(self, crew: _Crew, source: str, code: int) -> None:
        crew.child = None
        crew.pause = _FIRST_PAUSE if code == Exit.DONE else min(crew.pause * 2, _LONGEST_PAUSE)
        crew.not_before = time.monotonic() + crew.pause
        _log.info("crawl ended", source=source, code=code)

    def _start(self, told: Told) -> subprocess.Popen[bytes]:
        _log.info("crawl started", source=told.source, url=told.url)
        where = ["--url", told.url] if told.url else []
        return subprocess.Popen(  # noqa: S603 - our own program, and a source and URL that were checked
            [sys.executable, "-m", "scraper", "crawl", told.source, "--told", *where],
            env={**os.environ, PARENT_PIPE: str(self._alive)},
            pass_fds=[self._alive],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _end(self) -> None:
        children = [crew.child for crew in self._crews.values() if crew.child]
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(_ENOUGH_TO_END)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def work(settings: Settings, stop: Event) -> None:
    """Consume commands and crawl until told to stop.

    Raises: Conflict for a second worker on a frontier that serves one; Unavailable when a store can't be
    opened; whatever ended the consumer.
    """
    with ExitStack() as stack:
        fleet = stack.enter_context(closing(open_fleet(settings.frontier_url, works=True)))
        log = stack.enter_context(closing(open_event_log(settings.event_log_url)))
        alive = stack.enter_context(_pipe())
        commands = Commands(fleet, DeadLetterQueue(log))
        runner = ConsumerLoop(log.create_consumer(GROUP, [COMMAND.name]), commands.handle, name=GROUP)
        errors: list[BookstreamError] = []
        consuming = Thread(target=_until_error, args=(runner, stop, errors))
        consuming.start()
        try:
            Worker(fleet, alive).run(stop)
        finally:
            stop.set()
            consuming.join()
        for error in errors:
            raise error


def _until_error(runner: ConsumerLoop, stop: Event, errors: list[BookstreamError]) -> None:
    """A worker that can't hear commands any more is none: it stops, and says why."""
    try:
        runner.run(stop)
    except BookstreamError as error:
        errors.append(error)
    finally:
        stop.set()


@contextmanager
def _pipe() -> Iterator[int]:
    """The reading end; the kernel closes our writing end when this process is gone."""
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)
