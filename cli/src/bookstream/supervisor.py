"""The services as child processes: started, watched, stopped."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import IO, NoReturn, Self

from bookcore.domain.errors import Unavailable
from bookcore.kit.parent_process import ENVIRONMENT_VARIABLE as PARENT_PIPE

_START_WITHIN, _STOP_WITHIN = 60.0, 15.0  # seconds
_LOOK_EVERY = 0.05


@dataclass(frozen=True, slots=True)
class Service:
    """A program to run; `health` is a URL that answers 200 once it can work, None when it has no HTTP."""

    name: str
    arguments: Sequence[str]
    health: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


class Processes:
    """Children in groups of their own, so that Ctrl-C reaches only us and we stop them in order.

    Their output goes to `logs/<name>.log`. They end, too, when this process is killed: they watch a pipe.
    """

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = environment
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._closing = ExitStack()
        self._alive_reading, self._alive_writing = os.pipe()
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, services: Sequence[Service]) -> None:
        """Start all, then wait until each is healthy.

        Raises: Unavailable naming the one that ended or didn't get ready, with its last line.
        """
        for service in services:
            self._spawn(service)
        for service in services:
            self._await(service)

    def check(self) -> None:
        """Raises: Unavailable naming a service that ended by itself."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise Unavailable(self._obituary(name, process.returncode))

    def watch(self) -> NoReturn:
        """Look after the services until interrupted.

        Raises: Unavailable naming a service that ended by itself.
        """
        pause = Event()
        while True:
            self.check()
            pause.wait(0.5)

    def stop(self) -> None:
        """SIGTERM to the last started first; SIGKILL to what is still there after 15 s."""
        for name in reversed(list(self._running)):
            self.stop_one(name)
        self._closing.close()
        for descriptor in (self._alive_reading, self._alive_writing):
            os.close(descriptor)

    def stop_one(self, name: str) -> None:
        """SIGTERM, and SIGKILL when it is still there after 15 s."""
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _spawn(self, service: Service) -> None:
        output = self._closing.enter_context(self._log_of(service.name).open("ab"))
        self._running[service.name] = spawn(
            service.arguments,
            {**self._environment, **service.environment, PARENT_PIPE: str(self._alive_reading)},
            output=output,
            keep_open=self._alive_reading,
        )

    def _await(self, service: Service) -> None:
        deadline = time.monotonic() + _START_WITHIN
        pause = Event()
        while service.health is not None and not healthy(service.health):
            self.check()
            if time.monotonic() > deadline:
                raise Unavailable(f"{service.name} is not ready after {_START_WITHIN:.0f} s; see its log")
            pause.wait(_LOOK_EVERY)

    def _obituary(self, name: str, code: int) -> str:
        lines = self._log_of(name).read_text(errors="replace").strip().splitlines()
        last = lines[-1] if lines else "it said nothing"
        return f"{name} ended with code {code}: {last} (see {self._log_of(name)})"

    def _log_of(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def spawn(
    arguments: Sequence[str], environment: Mapping[str, str], *, output: IO[bytes], keep_open: int
) -> subprocess.Popen[bytes]:
    """A Python module as a child in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        pass_fds=(keep_open,),
        start_new_session=True,
    )


def healthy(url: str) -> bool:
    """Whether the URL answers 200 within a second."""
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310 - our own loopback URL
            return bool(answer.status == 200)
    except (OSError, HTTPException):
        return False
