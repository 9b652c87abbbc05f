"""Worker processes on one port; each has a listening socket that the parent process keeps open.

So a worker is replaced without a lost connection: its successor accepts from the same socket before it
stops, and connections in the socket's queue wait. When a worker dies, another one accepts from its socket too
until there is a new one. SIGHUP replaces all workers, one after the other, by processes that load code and
settings again; SIGTERM stops them all.
"""

import os
import select
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from bookcore.domain.errors import Unavailable
from bookcore.kit.listener import bind
from bookcore.kit.logger import get_logger
from bookcore.kit.parent_process import ENVIRONMENT_VARIABLE as PARENT_PIPE

_log = get_logger(__name__)
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_TICK_SECONDS = 0.1
_RETRY_SECONDS = 1.0
ADOPT, RELEASE = "adopt", "release"
"""Orders to a worker, each a line on its standard input: the order and the index of a listening socket."""

BuildCommand = Callable[[int, int], Sequence[str]]
"""A worker's command line, from its index and the pipe that it writes to when it accepts."""


@dataclass(slots=True)
class _Start:
    """A process that does not accept yet."""

    process: "subprocess.Popen[bytes]"
    ready_end: int
    deadline: float


@dataclass(slots=True)
class _Worker:
    index: int
    listener: socket.socket
    process: "subprocess.Popen[bytes] | None" = None
    start: _Start | None = None
    adopter: "_Worker | None" = None
    """The worker that accepts for this one while it has no process."""
    retry_at: float = 0.0


class Workers:
    """`run` returns once SIGTERM or SIGINT has stopped all workers; `on_exited` gets each exited pid."""

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        build_command: BuildCommand,
        *,
        on_exited: Callable[[int], None],
    ) -> None:
        self._workers = [_Worker(index, listener) for index, listener in enumerate(listeners)]
        self._build_command, self._on_exited = build_command, on_exited
        self._is_stopping = self._is_reload_due = False
        self._reading, self._writing = os.pipe()
        self._to_replace: deque[_Worker] = deque()
        self._stopping: list[tuple[subprocess.Popen[bytes], float]] = []
        """Replaced processes that finish their requests, with the time at which they are killed."""

    def run(self) -> None:
        """Raises: Unavailable when a worker doesn't start."""
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)
        try:
            self._start_all()
            while not self._is_stopping:
                self._check_workers()
                select.select([], [], [], _TICK_SECONDS)
        finally:
            self._stop()

    def _start_all(self) -> None:
        for worker in self._workers:
            self._begin_start(worker)
        while any(worker.start for worker in self._workers) and not self._is_stopping:
            for worker in self._workers:
                if worker.start is not None and self._check_start(worker) is False:
                    raise Unavailable("a worker did not start; see its message above")
            select.select([], [], [], _TICK_SECONDS)

    def _check_workers(self) -> None:
        for worker in self._workers:
            self._check_process(worker)
            if worker.start is not None and self._check_start(worker) is False:
                # a server that it needs may be away; the other workers, and an old one, continue
                _log.error("starting a worker failed; retrying", worker=worker.index)
                worker.retry_at = monotonic() + _RETRY_SECONDS
        self._check_stopping()
        if self._is_reload_due:
            self._is_reload_due = False
            self._to_replace = deque(self._workers)
        self._begin_next()

    def _check_process(self, worker: _Worker) -> None:
        process = worker.process
        if process is None or process.poll() is None:
            return
        _log.error("worker died", pid=process.pid, code=process.returncode)
        worker.process = None
        self._on_exited(process.pid)
        for orphan in self._workers:
            if orphan.process is None and orphan.adopter in (None, worker):
                self._adopt(orphan)

    def _adopt(self, orphan: _Worker) -> None:
        alive = [worker for worker in self._workers if worker.process is not None]
        orphan.adopter = alive[orphan.index % len(alive)] if alive else None
        if orphan.adopter is not None:
            _send_order(orphan.adopter, ADOPT, orphan.index)

    def _begin_next(self) -> None:
        """Starts a process for every dead worker, and one successor at a time."""
        now = monotonic()
        for worker in self._workers:
            if worker.process is None and worker.start is None and now >= worker.retry_at:
                self._begin_start(worker)
        is_busy = self._stopping or any(worker.start for worker in self._workers)
        if self._to_replace and not is_busy:
            self._begin_start(self._to_replace.popleft())

    def _begin_start(self, worker: _Worker) -> None:
        ready_end, ready_pipe = os.pipe()
        listeners = [other.listener.fileno() for other in self._workers]
        try:
            process = subprocess.Popen(  # noqa: S603 - our own program
                self._build_command(worker.index, ready_pipe),
                stdin=subprocess.PIPE,
                pass_fds=(*listeners, ready_pipe, self._reading),
                env={**os.environ, PARENT_PIPE: str(self._reading)},
            )
        finally:
            os.close(ready_pipe)
        worker.start = _Start(process, ready_end, monotonic() + _START_SECONDS)

    def _check_start(self, worker: _Worker) -> bool | None:
        """True once the new process accepts, None while it starts, False when it failed."""
        start = worker.start
        if start is None:
            return None
        ready, _, _ = select.select([start.ready_end], [], [], 0)
        if not ready and monotonic() < start.deadline:
            return None
        is_ready = bool(ready) and bool(os.read(start.ready_end, 1))
        os.close(start.ready_end)
        worker.start = None
        if not is_ready:
            start.process.kill()
            start.process.wait()
            self._on_exited(start.process.pid)
            return False
        self._promote(worker, start.process)
        return True

    def _promote(self, worker: _Worker, process: "subprocess.Popen[bytes]") -> None:
        old, worker.process = worker.process, process
        if worker.adopter is not None:
            _send_order(worker.adopter, RELEASE, worker.index)
            worker.adopter = None
        if old is not None:
            old.terminate()
            self._stopping.append((old, monotonic() + _STOP_SECONDS))

    def _check_stopping(self) -> None:
        for process, deadline in list(self._stopping):
            if process.poll() is None and monotonic() > deadline:
                process.kill()
                process.wait()
            if process.poll() is not None:
                self._stopping.remove((process, deadline))
                self._on_exited(process.pid)

    def _stop(self) -> None:
        processes = [worker.process for worker in self._workers if worker.process is not None]
        processes += [worker.start.process for worker in self._workers if worker.start is not None]
        processes += [process for process, _ in self._stopping]
        for process in processes:
            process.terminate()
        for worker in self._workers:
            worker.listener.close()  # no connection must wait in a queue from which no worker accepts
        for process in processes:
            _wait_or_kill(process)
        os.close(self._reading)
        os.close(self._writing)

    def _on_stop(self, number: int, frame: object) -> None:
        self._is_stopping = True

    def _on_reload(self, number: int, frame: object) -> None:
        self._is_reload_due = True


def bind_sockets(workers: int, host: str, port: int) -> list[socket.socket]:
    """One listening socket per worker on a shared port; 0 picks a free port.

    Raises: Unavailable when the port is taken.
    """
    if port:
        bind(host, port).close()  # a shared socket could join the port of another program
    first = bind(host, port, shared=True)
    chosen = first.getsockname()[1]
    return [first, *(bind(host, chosen, shared=True) for _ in range(workers - 1))]


def build_worker_command(
    listeners: Sequence[socket.socket], index: int, ready_pipe: int, folder: Path
) -> Sequence[str]:
    """The command line of a worker that publishes its counters in that folder."""
    descriptors = ",".join(str(listener.fileno()) for listener in listeners)
    return [sys.executable, "-m", "gateway", "worker", descriptors, str(index), str(ready_pipe), str(folder)]


def _send_order(worker: _Worker, order: str, index: int) -> None:
    process = worker.process
    if process is None or process.stdin is None:
        return
    with suppress(OSError):  # it died: noticed at the next check
        process.stdin.write(f"{order} {index}\n".encode())
        process.stdin.flush()


def _wait_or_kill(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
