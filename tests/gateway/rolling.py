"""Programs that are stopped and started again on their ports, and a load that notices every failure."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import httpx
from tests.unit.gateway.servers import ADMIN

from bookstream.services import find_free_port

WITHIN = 60.0
_ANSWERED = (200, 201, 202, 409)
"""409 is books-api's word on two writes at once, not a lost one."""
Ask = Callable[[httpx.Client, int], httpx.Response]


@dataclass
class Program:
    """`python -m MODULE` on a port of its own; `variable` is how it is told the port."""

    module: str
    variable: str
    environment: Mapping[str, str]
    port: int = field(default_factory=find_free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, **more: str) -> "subprocess.Popen[bytes]":
        """Returns when it answers, or another on its port does."""
        process = self.launch(**more)
        self.wait()
        return process

    def launch(self, **more: str) -> "subprocess.Popen[bytes]":
        """Without waiting for it."""
        told = {**self.environment, self.variable: str(self.port), **more}
        self.process = subprocess.Popen([sys.executable, "-m", self.module], env={**os.environ, **told})
        return self.process

    def wait(self) -> None:
        """Until it answers."""
        assert self.process is not None
        for _ in range(int(WITHIN / 0.05)):
            assert self.process.poll() is None
            with suppress(httpx.HTTPError):
                # that often, since each of several workers has its own line of connections
                for _ in range(20):
                    httpx.get(f"{self.address}/health/live", trust_env=False, timeout=WITHIN)
                return
            Event().wait(0.05)
        raise AssertionError(f"{self.module} does not answer")

    def stop(self) -> None:
        """As an operator does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(WITHIN) == 0

    def replace(self) -> None:
        """Stop it, start it again."""
        self.stop()
        self.start()


class Load(Thread):
    """Asks without pause on one connection that is kept; `failed` tells what went wrong."""

    def __init__(self, address: str, token: str, asks: Sequence[Ask]) -> None:
        super().__init__()
        self._address, self._headers = address, {"Authorization": f"Bearer {token}"}
        self._asks = asks
        self._is_over = False
        self.count = 0
        self.failed: list[str] = []

    def run(self) -> None:
        """Until it is ended."""
        with httpx.Client(
            base_url=self._address, headers=self._headers, trust_env=False, timeout=WITHIN
        ) as client:
            while not self._is_over:
                for ask in self._asks:
                    self.count += 1
                    try:
                        answer = ask(client, self.count)
                        if answer.status_code not in _ANSWERED:
                            self.failed.append(
                                f"{answer.request.method} {answer.url.path}: {answer.text[:300]}"
                            )
                    except httpx.HTTPError as error:
                        self.failed.append(f"{error.request.method} {error.request.url.path}: {error!r}")

    def end(self) -> None:
        """Finish the request under way."""
        self._is_over = True
        self.join()


@dataclass(frozen=True)
class Loads:
    """All that ask at once."""

    all: Sequence[Load]

    def list_answered(self, more: int) -> None:
        """Wait until each has asked that often again."""
        goals = [load.count + more for load in self.all]
        for _ in range(int(WITHIN / 0.02)):
            if all(load.count >= goal for load, goal in zip(self.all, goals, strict=True)):
                return
            Event().wait(0.02)
        raise AssertionError("the load stands still")

    @property
    def list_failed(self) -> list[str]:
        return [failure for load in self.all for failure in load.failed]

    @property
    def count(self) -> int:
        return sum(load.count for load in self.all)


@contextmanager
def run_under_load(address: str, *kinds: Sequence[Ask]) -> Iterator[Loads]:
    """One connection for each kind, as the administrator."""
    login = httpx.post(f"{address}/v1/auth/login", json=ADMIN, trust_env=False, timeout=WITHIN)
    loads = Loads([Load(address, login.json()["access_token"], asks) for asks in kinds])
    for load in loads.all:
        load.start()
    try:
        loads.list_answered(more=5)
        yield loads
    finally:
        for load in loads.all:
            load.end()


def list_children(pid: int) -> set[int]:
    """Of a process."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {int(child) for child in text.split()}


def wait_until(is_so: Callable[[], bool], *, within: float = WITHIN) -> None:
    """Look twenty times a second."""
    for _ in range(int(within / 0.05)):
        if is_so():
            return
        Event().wait(0.05)
    raise AssertionError("it did not come to that")
