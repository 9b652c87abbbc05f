"""Starts services as child processes, watches and stops them."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import IO, NoReturn, Self

from bookcore.domain.errors import Unavailable
from bookcore.kit.parent_process import ENVIRONMENT_VARIABLE as PARENT_PIPE

_START_TIMEOUT, _STOP_TIMEOUT = 60.0, 15.0  # seconds
_POLL_INTERVAL = 0.05
_RESTART_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Before each restart of a service that ends again and again; then it stays down."""
_STABLE_SECONDS = 60.0
"""A service that ran so long is restarted as if for the first time."""


@dataclass(frozen=True, slots=True)
class Service:
    """A program to run; `health` is a URL that answers 200 once it is ready, None when it has no HTTP."""

    name: str
    arguments: Sequence[str]
    health: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Running:
    """A started service; `process` is None while it waits for its restart, or stays down."""

    service: Service
    process: subprocess.Popen[bytes] | None
    started_at: float
    restarts: int = 0
    restart_at: float = 0.0


class Supervisor:
    """Runs services in sessions of their own: Ctrl-C reaches only this process, which stops them in order.

    Their output goes to `logs/<name>.log`. They watch a pipe and end when this process is killed. A service
    that ends by itself is started again, at most five times in a row; the others serve meanwhile.
    """

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = environment
        self._running: dict[str, _Running] = {}
        self._pipe_read, self._pipe_write = os.pipe()
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_all()

    def start_all(self, services: Sequence[Service]) -> None:
        """Start all, then wait until each is healthy.

        Raises: Unavailable naming the service that ended or isn't ready in time, with its last log line.
        """
        for service in services:
            self._running[service.name] = _Running(service, self._spawn(service), time.monotonic())
        for service in services:
            self._wait_until_healthy(service)

    def check(self) -> None:
        """Start services again that ended by themselves; what happens is told on standard error."""
        now = time.monotonic()
        for name, running in self._running.items():
            if running.process is not None and running.process.poll() is not None:
                self._plan_restart(running, self._describe_exit(name, running.process.returncode))
            elif running.process is None and 0 < running.restart_at <= now:
                running.process, running.started_at = self._spawn(running.service), now

    def watch(self) -> NoReturn:
        """Check the services until interrupted."""
        pause = Event()
        while True:
            self.check()
            pause.wait(0.5)

    def stop_all(self) -> None:
        """Stop the last started, which asks the others, then the others at once."""
        if self._running:
            self.stop(next(reversed(self._running)))
        for running in self._running.values():
            if running.process is not None:
                running.process.terminate()
        for name in list(self._running):
            self.stop(name)
        for descriptor in (self._pipe_read, self._pipe_write):
            os.close(descriptor)

    def stop(self, name: str) -> None:
        """SIGTERM, then SIGKILL after 15 s."""
        process = self._running.pop(name).process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _spawn(self, service: Service) -> subprocess.Popen[bytes]:
        with self._get_log_file(service.name).open("ab") as output:
            return start_module(
                service.arguments,
                {**self._environment, **service.environment, PARENT_PIPE: str(self._pipe_read)},
                output=output,
                keep_open=self._pipe_read,
            )

    def _plan_restart(self, running: _Running, reason: str) -> None:
        now = time.monotonic()
        running.process = None
        if now - running.started_at > _STABLE_SECONDS:
            running.restarts = 0
        if running.restarts == len(_RESTART_SECONDS):
            running.restart_at = 0.0
            _tell(f"{reason}; it ended too often and stays down, the others go on")
            return
        wait = _RESTART_SECONDS[running.restarts]
        running.restarts += 1
        running.restart_at = now + wait
        _tell(f"{reason}; starting it again in {wait:g} s")

    def _wait_until_healthy(self, service: Service) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        pause = Event()
        while service.health is not None and not is_healthy(service.health):
            self._refuse_ended()
            if time.monotonic() > deadline:
                log = self._get_log_file(service.name)
                raise Unavailable(f"{service.name} is not ready after {_START_TIMEOUT:.0f} s; see {log}")
            pause.wait(_POLL_INTERVAL)

    def _refuse_ended(self) -> None:
        """Raises: Unavailable naming a service that ended during the start."""
        for name, running in self._running.items():
            if running.process is not None and running.process.poll() is not None:
                raise Unavailable(self._describe_exit(name, running.process.returncode))

    def _describe_exit(self, name: str, code: int) -> str:
        lines = self._get_log_file(name).read_text(errors="replace").strip().splitlines()
        last = lines[-1] if lines else "no output"
        return f"{name} ended with code {code}: {last} (see {self._get_log_file(name)})"

    def _get_log_file(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def _tell(text: str) -> None:
    sys.stderr.write(f"bookstream: {text}\n")
    sys.stderr.flush()


def start_module(
    arguments: Sequence[str], environment: Mapping[str, str], *, output: IO[bytes], keep_open: int
) -> subprocess.Popen[bytes]:
    """Start `python -m ARGUMENTS` in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        pass_fds=(keep_open,),
        start_new_session=True,
    )


def is_healthy(url: str) -> bool:
    """Whether the URL answers 200 within a second."""
    try:
        with urllib.request.urlopen(url, timeout=1) as response:  # noqa: S310 - our own loopback URL
            return bool(response.status == 200)
    except (OSError, HTTPException):
        return False
