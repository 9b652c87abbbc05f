"""`up`, `down` and `status`: each may be said again at any time."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from fcntl import LOCK_EX, flock
from pathlib import Path
from threading import Event, Lock

from bookcore.domain.errors import NotFound, Unavailable
from devstack.elasticsearch import ELASTICSEARCH
from devstack.home import Home, account, stack_home
from devstack.kafka import KAFKA
from devstack.mlflow import MLFLOW
from devstack.postgresql import POSTGRESQL
from devstack.server import HOST, Instance, Server
from devstack.valkey import VALKEY
from devstack.versitygw import VERSITYGW

SERVERS = {server.name: server for server in (KAFKA, VERSITYGW, POSTGRESQL, ELASTICSEARCH, VALKEY, MLFLOW)}
_READY_WITHIN, _STOPPED_WITHIN, _FREE_WITHIN = 180.0, 60.0, 15.0  # seconds
_LOOK_EVERY = 0.1
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Running:
    """A server's process, with its start in clock ticks: a process id alone comes again."""

    port: int
    pid: int = 0
    started: int = 0

    @property
    def is_alive(self) -> bool:
        """Whether it is still that process."""
        return self.pid > 0 and _start_of(self.pid) == self.started


@dataclass(frozen=True, slots=True)
class State:
    """What `status` tells of a server."""

    server: Server
    running: Running | None
    is_installed: bool
    is_ready: bool
    log: Path


class Stack:
    """The servers of one folder."""

    def __init__(self, home: Home | None = None, say: Say = lambda line: None) -> None:
        self._home = home or stack_home()
        self._say = say
        self._saving = Lock()

    def up(self, names: Sequence[str] = ()) -> Mapping[str, str]:
        """Install what is missing side by side, start what isn't running, wait until all are ready.

        Returns what to export. Raises: Unavailable naming the server, the reason and its log.
        """
        servers = _chosen(names)
        with self._exclusive():
            who = account()
            with ThreadPoolExecutor(len(servers)) as side_by_side:
                list(side_by_side.map(self._install, servers))
            for server in servers:
                self._start(server, uid=who.uid, gid=who.gid)
        for server in servers:
            self._await(server)
        return self.exports(names)

    def down(self, names: Sequence[str] = (), *, now: bool = False) -> None:
        """Stop in order, or `now`: as in a crash. Data stays."""
        for server in _chosen(names):
            running = self._records().get(server.name)
            if running and running.is_alive:
                self._end(server, running, now=now)
                self._say(f"{server.name} stopped")

    def status(self, names: Sequence[str] = ()) -> Iterator[State]:
        """Of each server, asked now."""
        for server in _chosen(names):
            running = self._records().get(server.name)
            ready = running is not None and running.is_alive and server.is_ready(self.instance(server))
            yield State(server, running, self._is_installed(server), ready, self._home.log(server.name))

    def exports(self, names: Sequence[str] = ()) -> Mapping[str, str]:
        """Environment variables by which Bookstream finds the servers."""
        found: dict[str, str] = {}
        for server in _chosen(names):
            found.update(server.exports(self.instance(server)))
        return found

    def instance(self, server: Server) -> Instance:
        """Where a server is here."""
        running = self._records().get(server.name)
        port = running.port if running else server.port
        home = self._home
        return Instance(home.programs(server.name), home.data(server.name), port, home.secret())

    def _install(self, server: Server) -> None:
        if self._is_installed(server):
            return
        self._say(f"installing {server.name} {server.version}")
        began = time.monotonic()
        final = self._home.programs(server.name)
        staged = final.with_name(f"{final.name}.new")
        for folder in (staged, final):
            shutil.rmtree(folder, ignore_errors=True)
        staged.mkdir()
        try:
            server.install(staged)
        except (OSError, Unavailable, StopIteration) as error:
            raise Unavailable(f"{server.name} {server.version} can't be installed: {error}") from error
        (staged / "VERSION").write_text(server.version)
        staged.rename(final)
        self._say(f"installed {server.name} in {time.monotonic() - began:.0f} s")

    def _is_installed(self, server: Server) -> bool:
        stamp = self._home.programs(server.name) / "VERSION"
        return stamp.exists() and stamp.read_text() == server.version

    def _start(self, server: Server, *, uid: int | None, gid: int | None) -> None:
        running = self._records().get(server.name) or Running(_free_port(server.port))
        if running.is_alive:
            return
        if not _gets_free(running.port):
            running = replace(running, port=_free_port(server.port))
        self._record(server, running)
        here = self.instance(server)
        here.data.mkdir(exist_ok=True)
        server.prepare(here)
        account().own(here.data)
        launch = server.launch(here)
        with self._home.log(server.name).open("ab") as log:
            process = subprocess.Popen(
                list(launch.command),
                env={**os.environ, **launch.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=here.data,
                user=uid,
                group=gid,
                extra_groups=None if uid is None else [],
                start_new_session=True,
            )
        process.returncode = 0  # it outlives us on purpose, of which Popen would complain
        self._record(server, Running(running.port, process.pid, _start_of(process.pid)))

    def _await(self, server: Server) -> None:
        began, pause = time.monotonic(), Event()
        while not server.is_ready(self.instance(server)):
            if not self._records()[server.name].is_alive:
                raise Unavailable(f"{server.name} ended by itself; see {self._home.log(server.name)}")
            if time.monotonic() - began > _READY_WITHIN:
                raise Unavailable(f"{server.name} isn't ready; see {self._home.log(server.name)}")
            pause.wait(_LOOK_EVERY)
        self._say(f"{server.name} is ready at {HOST}:{self.instance(server).port}")

    def _end(self, server: Server, running: Running, *, now: bool) -> None:
        """The whole session ends: some servers are a process with helpers."""
        wanted = server.abort if now else server.stop
        deadline, pause = time.monotonic() + _STOPPED_WITHIN, Event()
        _signal(running.pid, wanted)
        while running.is_alive:
            if time.monotonic() > deadline:
                _signal(running.pid, signal.SIGKILL)
            pause.wait(_LOOK_EVERY / 10)

    def _records(self) -> dict[str, Running]:
        if not self._home.records.exists():
            return {}
        return {name: Running(**kept) for name, kept in json.loads(self._home.records.read_text()).items()}

    def _record(self, server: Server, running: Running) -> None:
        with self._saving:
            records = {**self._records(), server.name: running}
            staged = self._home.records.with_suffix(".new")
            staged.write_text(json.dumps({name: asdict(kept) for name, kept in records.items()}))
            staged.replace(self._home.records)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with (self._home.path / "lock").open("w") as lock:
            flock(lock, LOCK_EX)
            yield


def _chosen(names: Sequence[str]) -> list[Server]:
    unknown = [name for name in names if name not in SERVERS]
    if unknown:
        raise NotFound(f"no server {unknown[0]!r}; there are {', '.join(SERVERS)}")
    return [server for name, server in SERVERS.items() if not names or name in names]


def _start_of(pid: int) -> int:
    """Clock ticks from boot to the process's start; -1 when it is gone or only waits to be buried."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return -1
    return -1 if state == "Z" else int(rest[18])


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        if number is signal.SIGKILL:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)


def _free_port(preferred: int) -> int:
    """The preferred one or a later one, where the next three are free, too."""
    wishes = range(preferred, preferred + 500, 10)
    return next(wish for wish in wishes if all(_is_free(wish + n) for n in range(4)))


def _gets_free(port: int) -> bool:
    """A killed process's threads may hold it a moment longer than the process is seen."""
    deadline, pause = time.monotonic() + _FREE_WITHIN, Event()
    while not _is_free(port):
        if time.monotonic() > deadline:
            return False
        pause.wait(_LOOK_EVERY)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
