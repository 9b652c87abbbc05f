"""A laptop with Bookstream on it: runs the real programs on a data folder of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Event

from tests.warm import run_warm

from bookcore.domain.errors import Unavailable
from bookcore.events.topics import OBSERVED
from bookcore.kit.settings import read_settings
from bookcore.search import SearchQuery
from bookstream.audit import AuditReport, audit_stores
from bookstream.settings import Settings
from bookstream.status import read_pending
from bookstream.stores import Stores, open_stores

URLS = ("event_log_url", "lake_url", "catalogue_url", "search_url")
WITHIN = 120.0  # seconds, for anything that has to end


@dataclass(frozen=True)
class FinishedProcess:
    code: int
    out: str
    err: str

    def read_number(self, what: str) -> int:
        """The number before a word of the summary, as in `37 changes`."""
        found = re.search(rf"(\d+) {what}", self.out)
        assert found, self.out + self.err
        return int(found[1])


@dataclass(frozen=True)
class Laptop:
    data: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, *words: str, **environment: str) -> FinishedProcess:
        """`bookstream WORDS --data DATA` to its end."""
        return self.run_module("bookstream", *words, "--data", str(self.data), **environment)

    def run_module(self, *words: str, **environment: str) -> FinishedProcess:
        """`python -m WORDS` to its end."""
        done = run_warm(*words, environment=self.build_environment(**environment), seconds=WITHIN * 2)
        return FinishedProcess(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def run_ingestor(self, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
        """An ingestor at work; stopped at the end unless it has ended."""
        child = subprocess.Popen(
            [sys.executable, "-m", "ingestor"], env=self.build_environment(**environment)
        )
        try:
            yield child
        finally:
            child.terminate()
            child.wait(WITHIN)

    @property
    def settings(self) -> Settings:
        """As the programs read them from their environment."""
        given = {name: self.environment.get(f"BOOKSTREAM_{name.upper()}", "") for name in URLS}
        return read_settings(Settings, data=self.data, **given)

    def open_stores(self) -> AbstractContextManager[Stores]:
        """The stores, for looking."""
        return open_stores(self.settings)

    def wait_until_settled(self) -> None:
        """Wait until everything published is searchable."""

        def describe(stores: Stores) -> str:
            now = read_pending(stores)
            return "" if now.is_done else str(now)

        self._wait_while(describe)

    def wait_until_begun(self) -> None:
        """Wait until the ingestor has taken something."""

        def describe(stores: Stores) -> str:
            progress = stores.log.read_progress(OBSERVED.name, "ingestor.catalogue")
            return "" if any(at.committed for at in progress) else "nothing is taken"

        self._wait_while(describe)

    def _wait_while(self, describe: Callable[[Stores], str]) -> None:
        """Wait until it returns ""; a server that is away for a moment is asked again."""
        deadline, pause = time.monotonic() + WITHIN, Event()
        with self.open_stores() as stores:
            while True:
                try:
                    now = describe(stores)
                except Unavailable as error:
                    now = str(error)
                if not now:
                    return
                assert time.monotonic() < deadline, now
                pause.wait(0.05)

    def ingest(self) -> None:
        """Run an ingestor until everything is searchable."""
        with self.run_ingestor():
            self.wait_until_settled()

    def audit(self) -> AuditReport:
        with self.open_stores() as stores:
            return audit_stores(stores)

    def read_state(self) -> "State":
        """What a crash must not change: contents, price history and index, without times."""
        with self.open_stores() as stores:
            hits = stores.index.search(SearchQuery("", limit=1_000)).hits
            documents = sorted(repr(hit.book.book) for hit in hits)
            return State(
                stores.catalogue.compute_content_hash(), sha256("\n".join(documents).encode()).hexdigest()
            )

    @contextmanager
    def serve(self) -> Iterator["RunningGateway"]:
        """`bookstream up` on a free port, until the end of the block; must stop cleanly."""
        child = subprocess.Popen(
            [sys.executable, "-m", "bookstream", "up", "--data", str(self.data), "--port", "0"],
            env=self.build_environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield RunningGateway(child, wait_for_invitation(child))
        finally:
            child.send_signal(signal.SIGINT)
            rest, _ = _terminate(child)
            assert child.returncode == 0, rest

    def build_environment(self, **more: str) -> dict[str, str]:
        """What its programs are started with."""
        return {**os.environ, "BOOKSTREAM_DATA": str(self.data), **self.environment, **more}


@dataclass(frozen=True)
class State:
    catalogue: str
    index: str


@dataclass(frozen=True)
class RunningGateway:
    """A gateway that answers; `invitation` is what `bookstream up` printed."""

    process: subprocess.Popen[str]
    invitation: str

    @property
    def base(self) -> str:
        found = re.search(r"gateway +(http://\S+)", self.invitation)
        assert found, self.invitation
        return found[1]

    @property
    def token(self) -> str:
        found = re.search(r"Bearer ([\w.-]+)", self.invitation)
        assert found, self.invitation
        return found[1]

    @property
    def list_curl_lines(self) -> list[str]:
        return [line for line in self.invitation.splitlines() if line.startswith("curl ")]

    def get(self, path: str) -> bytes:
        request = urllib.request.Request(self.base + path, headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=WITHIN) as answer:
            body: bytes = answer.read()
        return body

    def get_json(self, path: str) -> dict[str, object]:
        body: dict[str, object] = json.loads(self.get(path))
        return body


def _terminate(child: subprocess.Popen[str]) -> tuple[str, str]:
    try:
        return child.communicate(timeout=WITHIN)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        raise


def wait_for_invitation(child: subprocess.Popen[str]) -> str:
    lines: list[str] = []
    assert child.stdout is not None
    for line in child.stdout:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            break
    return "".join(lines)
