"""A container engine: the running one, else Debian's, installed and started for the test.

The latter runs as root without systemd, with its data below the given folder. A running engine is not
changed.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from bookcore.domain.errors import Unavailable

_PACKAGES = ("docker.io", "iptables", "mmdebstrap", "docker-compose")
_PROGRAMS = ("docker", "dockerd", "iptables", "mmdebstrap")
_STARTED_WITHIN, _STOPPED_WITHIN = 60.0, 60.0  # seconds
_API = "1.41"  # of Debian's engine; a newer client asks for more


@dataclass(frozen=True, slots=True)
class Engine:
    """`environment` tells clients the address; `compose` is the command of Compose."""

    environment: Mapping[str, str]
    compose: Sequence[str]

    def run(self, *words: str, given: bytes | None = None, more: Mapping[str, str] | None = None) -> str:
        """Runs a command and returns its output.

        Raises: Unavailable with its last lines when it fails.
        """
        done = subprocess.run(  # noqa: S603 - our own words
            list(words), env=self.build_environment(more), input=given, capture_output=True, check=False
        )
        if done.returncode != 0:
            said = (done.stderr.decode() or done.stdout.decode()).strip().splitlines()
            raise Unavailable(f"{' '.join(words[:4])} ended with code {done.returncode}: {said[-12:]}")
        return done.stdout.decode()

    def build_environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of a client process."""
        return {**os.environ, **self.environment, **(more or {})}


@contextmanager
def open_engine(folder: Path) -> Iterator[Engine]:
    """An engine for the duration of the block; one that was started here is stopped.

    Raises: Unavailable with the remedy when none can be started.
    """
    if is_running({}):
        yield Engine({}, _compose({}))
    else:
        _install()
        with _start_daemon(folder) as environment:
            yield Engine(environment, _compose(environment))


def is_running(environment: Mapping[str, str]) -> bool:
    """Whether an engine answers."""
    return bool(shutil.which("docker")) and _run_quietly(["docker", "version"], environment)


def _run_quietly(words: Sequence[str], environment: Mapping[str, str]) -> bool:
    variables = {**os.environ, **environment}
    return subprocess.run(words, env=variables, capture_output=True, check=False).returncode == 0  # noqa: S603


def _compose(environment: Mapping[str, str]) -> Sequence[str]:
    """BOOKSTREAM_TEST_COMPOSE names another program, so that both generations of Compose can be tested."""
    named = os.environ.get("BOOKSTREAM_TEST_COMPOSE")
    found = [named.split()] if named else [["docker", "compose"], ["docker-compose"]]
    for words in found:
        if shutil.which(words[0]) and _run_quietly([*words, "version"], environment):
            return words
    raise Unavailable("there is no Compose; install it (Debian: apt-get install docker-compose)")


def _install() -> None:
    if all(shutil.which(name) for name in _PROGRAMS):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Unavailable("no container engine answers; start Docker, or set DOCKER_HOST")
    variables = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "--yes", "--no-install-recommends", *_PACKAGES]):
        subprocess.run(["apt-get", "--quiet", *words], env=variables, stdout=sys.stderr, check=True)  # noqa: S603, S607


@contextmanager
def _start_daemon(folder: Path) -> Iterator[Mapping[str, str]]:
    folder.mkdir(parents=True, exist_ok=True)
    socket = f"unix://{folder / 'docker.sock'}"
    places = [
        f"--data-root={folder / 'data'}",
        f"--exec-root={folder / 'exec'}",
        f"--pidfile={folder / 'pid'}",
    ]
    environment = {"DOCKER_HOST": socket, "DOCKER_API_VERSION": _API, "DOCKER_BUILDKIT": "0"}
    with (folder / "log").open("ab") as log:
        daemon = subprocess.Popen(  # noqa: S603 - our own words
            ["dockerd", "--storage-driver=overlay2", f"--host={socket}", *places],  # noqa: S607
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _await(daemon, environment, folder / "log")
        yield environment
    finally:
        daemon.terminate()
        try:
            daemon.wait(_STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def _await(daemon: subprocess.Popen[bytes], environment: Mapping[str, str], log: Path) -> None:
    deadline, pause = time.monotonic() + _STARTED_WITHIN, Event()
    while not is_running(environment):
        if daemon.poll() is not None or time.monotonic() > deadline:
            raise Unavailable(f"the container engine doesn't start; see {log}")
        pause.wait(0.2)
