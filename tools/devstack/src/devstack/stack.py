"""`up`, `down` and `status` of all servers; each is idempotent."""

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
from devstack.alertmanager import ALERTMANAGER
from devstack.elasticsearch import ELASTICSEARCH
from devstack.fake_gcs import FAKE_GCS
from devstack.home import StackHome, ensure_account, open_home
from devstack.kafka import KAFKA
from devstack.mlflow import MLFLOW
from devstack.postgresql import POSTGRESQL
from devstack.prometheus import PROMETHEUS
from devstack.server import HOST, Instance, Server
from devstack.valkey import VALKEY
from devstack.versitygw import VERSITYGW

_OF_BOOKSTREAM = (KAFKA, VERSITYGW, POSTGRESQL, ELASTICSEARCH, VALKEY, MLFLOW)
SERVERS = {server.name: server for server in (*_OF_BOOKSTREAM, ALERTMANAGER, PROMETHEUS, FAKE_GCS)}
DEFAULT = [name for name, server in SERVERS.items() if server.is_default]
"""What is started without a name."""
_READY_TIMEOUT, _STOP_TIMEOUT, _PORT_TIMEOUT = 180.0, 60.0, 15.0  # seconds
_POLL_INTERVAL = 0.1
OnMessage = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A server's process; `started`: clock ticks since boot, because process ids are reused."""

    port: int
    pid: int = 0
    started: int = 0

    @property
    def is_alive(self) -> bool:
        """Whether that process still runs."""
        return self.pid > 0 and _read_start_time(self.pid) == self.started


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """State of one server."""

    server: Server
    running: ServerProcess | None
    is_installed: bool
    is_ready: bool
    log: Path


class Stack:
    """The servers of one folder; with `certificates` they speak TLS only (see Instance)."""

    def __init__(
        self,
        home: StackHome | None = None,
        on_message: OnMessage = lambda line: None,
        *,
        certificates: Path | None = None,
    ) -> None:
        self._home = home or open_home()
        self._on_message = on_message
        self._certificates = certificates
        self._saving = Lock()

    def start(self, names: Sequence[str] = ()) -> Mapping[str, str]:
        """Install missing servers in parallel, start those that don't run, wait until all are ready.

        Returns the environment variables to export. Raises: Unavailable naming the server, the reason and its
        log.
        """
        servers = _select_servers(names or DEFAULT)
        with self._lock():
            who = ensure_account()
            with ThreadPoolExecutor(len(servers)) as pool:
                list(pool.map(self._install, servers))
            for server in servers:
                self._start_server(server, uid=who.uid, gid=who.gid)
        for server in servers:
            self._wait_until_ready(server)
        return self.read_exports(names)

    def stop(self, names: Sequence[str] = (), *, now: bool = False) -> None:
        """Stop with each server's stop signal, or `now` with its abort signal. Data stays."""
        for server in _select_servers(names):
            running = self._read_processes().get(server.name)
            if running and running.is_alive:
                self._stop_server(server, running, now=now)
                self._on_message(f"{server.name} stopped")

    def list_status(self, names: Sequence[str] = ()) -> Iterator[ServerStatus]:
        """State of each server, probed now."""
        for server in _select_servers(names):
            running = self._read_processes().get(server.name)
            ready = running is not None and running.is_alive and server.is_ready(self.locate(server))
            yield ServerStatus(
                server, running, self._is_installed(server), ready, self._home.get_log_file(server.name)
            )

    def read_exports(self, names: Sequence[str] = ()) -> Mapping[str, str]:
        """Environment variables by which Bookstream finds the servers."""
        variables: dict[str, str] = {}
        for server in _select_servers(names or DEFAULT):
            variables.update(server.build_exports(self.locate(server)))
        return variables

    def locate(self, server: Server) -> Instance:
        """Folders, port and password of a server."""
        running = self._read_processes().get(server.name)
        port = running.port if running else server.port
        home = self._home
        return Instance(
            home.get_program_folder(server.name),
            home.get_data_folder(server.name),
            port,
            home.read_password(),
            self._certificates,
        )

    def _install(self, server: Server) -> None:
        if self._is_installed(server):
            return
        self._on_message(f"installing {server.name} {server.version}")
        started_at = time.monotonic()
        final = self._home.get_program_folder(server.name)
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
        self._on_message(f"installed {server.name} in {time.monotonic() - started_at:.0f} s")

    def _is_installed(self, server: Server) -> bool:
        stamp = self._home.get_program_folder(server.name) / "VERSION"
        return stamp.exists() and stamp.read_text() == server.version

    def _start_server(self, server: Server, *, uid: int | None, gid: int | None) -> None:
        running = self._read_processes().get(server.name) or ServerProcess(_find_free_port(server.port))
        if running.is_alive:
            return
        if not _wait_until_free(running.port):
            running = replace(running, port=_find_free_port(server.port))
        self._save_process(server, running)
        here = self.locate(server)
        here.data.mkdir(exist_ok=True)
        server.prepare(here)
        ensure_account().chown(here.data)
        launch = server.build_command(here)
        with self._home.get_log_file(server.name).open("ab") as log:
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
        process.returncode = 0  # it outlives this process on purpose; Popen would warn
        self._save_process(server, ServerProcess(running.port, process.pid, _read_start_time(process.pid)))

    def _wait_until_ready(self, server: Server) -> None:
        started_at, pause = time.monotonic(), Event()
        while not server.is_ready(self.locate(server)):
            if not self._read_processes()[server.name].is_alive:
                raise Unavailable(
                    f"{server.name} ended by itself; see {self._home.get_log_file(server.name)}"
                )
            if time.monotonic() - started_at > _READY_TIMEOUT:
                raise Unavailable(f"{server.name} isn't ready; see {self._home.get_log_file(server.name)}")
            pause.wait(_POLL_INTERVAL)
        self._on_message(f"{server.name} is ready at {HOST}:{self.locate(server).port}")

    def _stop_server(self, server: Server, running: ServerProcess, *, now: bool) -> None:
        """Stop the whole session: some servers have helper processes."""
        signal_number = server.abort_signal if now else server.stop_signal
        deadline, pause = time.monotonic() + _STOP_TIMEOUT, Event()
        _send_signal(running.pid, signal_number)
        while running.is_alive:
            if time.monotonic() > deadline:
                _send_signal(running.pid, signal.SIGKILL)
            pause.wait(_POLL_INTERVAL / 10)

    def _read_processes(self) -> dict[str, ServerProcess]:
        if not self._home.process_file.exists():
            return {}
        return {
            name: ServerProcess(**fields)
            for name, fields in json.loads(self._home.process_file.read_text()).items()
        }

    def _save_process(self, server: Server, running: ServerProcess) -> None:
        with self._saving:
            records = {**self._read_processes(), server.name: running}
            staged = self._home.process_file.with_suffix(".new")
            staged.write_text(json.dumps({name: asdict(process) for name, process in records.items()}))
            staged.replace(self._home.process_file)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with (self._home.path / "lock").open("w") as lock:
            flock(lock, LOCK_EX)
            yield


def _select_servers(names: Sequence[str]) -> list[Server]:
    unknown = [name for name in names if name not in SERVERS]
    if unknown:
        raise NotFound(f"no server {unknown[0]!r}; there are {', '.join(SERVERS)}")
    return [server for name, server in SERVERS.items() if not names or name in names]


def _read_start_time(pid: int) -> int:
    """Clock ticks from boot to the process's start; -1 when it is gone or a zombie."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return -1
    return -1 if state == "Z" else int(rest[18])


def _send_signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        if number is signal.SIGKILL:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)


def _find_free_port(preferred: int) -> int:
    """The preferred port or a later one of which the next three are free, too."""
    candidates = range(preferred, preferred + 500, 10)
    return next(port for port in candidates if all(_is_free(port + n) for n in range(4)))


def _wait_until_free(port: int) -> bool:
    """Threads of a killed process may hold its port longer than the process is listed."""
    deadline, pause = time.monotonic() + _PORT_TIMEOUT, Event()
    while not _is_free(port):
        if time.monotonic() > deadline:
            return False
        pause.wait(_POLL_INTERVAL)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
