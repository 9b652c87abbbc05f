"""Worker processes on one port; each has a listening socket that the parent process keeps open.

So a worker is replaced without a lost connection: its successor accepts from the same socket before it
stops, and connections in the socket's queue wait. SIGHUP replaces all workers, one after the other, by
processes that load code and settings again; SIGTERM stops them all.
"""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from bookcore.domain.errors import Unavailable
from bookcore.kit.app import bind
from bookcore.kit.parent_process import ENVIRONMENT_VARIABLE as PARENT_PIPE

_log = structlog.get_logger()
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_TICK_SECONDS = 0.2
_AGAIN_SECONDS = 1.0

Command = Callable[[int, int], Sequence[str]]
"""A worker's command line, from its socket and the pipe that it writes to when it accepts."""


@dataclass(slots=True)
class _Worker:
    listener: socket.socket
    process: "subprocess.Popen[bytes] | None" = None


class Workers:
    """`run` returns once SIGTERM or SIGINT has stopped all workers; `on_ended` gets each exited pid."""

    def __init__(
        self, listeners: Sequence[socket.socket], command: Command, *, on_exited: Callable[[int], None]
    ) -> None:
        self._workers = [_Worker(listener) for listener in listeners]
        self._command, self._on_exited = command, on_exited
        self._is_stopping = self._is_reload_due = False
        self._reading, self._writing = os.pipe()

    def run(self) -> None:
        """Raises: Unavailable when a worker doesn't start."""
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)
        try:
            for worker in self._workers:
                worker.process = self._start_worker(worker.listener)
            while not self._is_stopping:
                self._check_workers()
                select.select([], [], [], _TICK_SECONDS)
        finally:
            self._stop()

    def _check_workers(self) -> None:
        if self._is_reload_due:
            self._is_reload_due = False
            for worker in self._workers:
                if not self._is_stopping:
                    self._replace(worker)
        for worker in self._workers:
            process = worker.process
            if process is not None and process.poll() is not None and not self._is_stopping:
                _log.error("worker died", pid=process.pid, code=process.returncode)
                worker.process = None
                self._on_exited(process.pid)
            if worker.process is None and not self._is_stopping:
                self._restart(worker)

    def _restart(self, worker: _Worker) -> None:
        try:
            worker.process = self._start_worker(worker.listener)
        except Unavailable as error:  # a server that it needs may be away; the other workers continue
            _log.error("restarting a worker failed; retrying", error=str(error))
            select.select([], [], [], _AGAIN_SECONDS)

    def _replace(self, worker: _Worker) -> None:
        old = worker.process
        try:
            worker.process = self._start_worker(worker.listener)
        except Unavailable as error:
            _log.error("replacing a worker failed; the old one stays", error=str(error))
            return
        if old is not None:
            _terminate(old)
            self._on_exited(old.pid)

    def _start_worker(self, listener: socket.socket) -> "subprocess.Popen[bytes]":
        ready_end, ready_pipe = os.pipe()
        try:
            process = subprocess.Popen(  # noqa: S603 - our own program
                self._command(listener.fileno(), ready_pipe),
                pass_fds=(listener.fileno(), ready_pipe, self._reading),
                env={**os.environ, PARENT_PIPE: str(self._reading)},
            )
        finally:
            os.close(ready_pipe)
        try:
            ready, _, _ = select.select([ready_end], [], [], _START_SECONDS)
            if ready and os.read(ready_end, 1):
                return process
        finally:
            os.close(ready_end)
        _terminate(process)
        self._on_exited(process.pid)
        raise Unavailable("a worker did not start; see its message above")

    def _stop(self) -> None:
        processes = [worker.process for worker in self._workers if worker.process is not None]
        for process in processes:
            process.terminate()
        for worker in self._workers:
            worker.listener.close()  # no connection must wait in a queue from which no worker accepts
        for process in processes:
            _terminate(process)
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


def build_worker_command(descriptor: int, ready_pipe: int, folder: Path) -> Sequence[str]:
    """The command line of a worker that publishes its counters in that folder."""
    return [sys.executable, "-m", "gateway", "worker", str(descriptor), str(ready_pipe), str(folder)]


def _terminate(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
