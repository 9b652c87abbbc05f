"""An API server with etcd on loopback, without any node: what it admits is what every cluster admits.

All files are below one folder, which is emptied at the start. Both processes end with the block.
"""

import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bookcore.domain.errors import Unavailable

_READY_WITHIN, _STOPPED_WITHIN = 120.0, 20.0  # seconds


@dataclass(frozen=True, slots=True)
class Kubectl:
    """Speaks to one API server; `words` begin every command."""

    words: Sequence[str]

    def run(self, *arguments: str, given: str | None = None) -> str:
        """Its output. Raises: Unavailable with what it says."""
        done = subprocess.run(  # noqa: S603 - our own words
            [*self.words, *arguments], input=given, capture_output=True, check=False, text=True
        )
        if done.returncode != 0:
            raise Unavailable(f"kubectl {' '.join(arguments[:3])}: {done.stderr.strip()[:2_000]}")
        return done.stdout


@contextmanager
def start_control_plane(program: Path, folder: Path) -> Iterator[Kubectl]:
    """Raises: Unavailable with the log when a process doesn't start."""
    if not shutil.which("etcd"):
        raise Unavailable("there is no etcd (Debian: apt-get install etcd-server)")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    client, peer, port = (_find_port() for _ in range(3))
    token = secrets.token_hex(16)
    _write_credentials(folder, token)
    with ExitStack() as stack:
        stack.enter_context(_start(folder, "etcd", _build_etcd_command(folder, client, peer)))
        server = stack.enter_context(
            _start(folder, "apiserver", _build_command(program, folder, client, port))
        )
        certificate = f"--certificate-authority={folder / 'certificates/apiserver.crt'}"
        address = f"--server=https://127.0.0.1:{port}"
        kubectl = Kubectl([str(program), "kubectl", address, f"--token={token}", certificate])
        _await(kubectl, server, folder / "apiserver.log")
        yield kubectl


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_credentials(folder: Path, token: str) -> None:
    key = generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for name, content in (
        ("accounts.pem", pem),
        ("tokens.csv", f'{token},admin,1,"system:masters"\n'.encode()),
    ):
        (folder / name).touch(0o600)
        (folder / name).write_bytes(content)


def _build_etcd_command(folder: Path, client: int, peer: int) -> list[str]:
    url = f"http://127.0.0.1:{client}"
    peers = f"http://127.0.0.1:{peer}"
    return [
        *("etcd", f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync"),
        *(f"--listen-client-urls={url}", f"--advertise-client-urls={url}"),
        *(f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}"),
        f"--initial-cluster=default={peers}",
    ]


def _build_command(program: Path, folder: Path, etcd: int, port: int) -> list[str]:
    return [
        *(str(program), "apiserver", f"--etcd-servers=http://127.0.0.1:{etcd}", f"--secure-port={port}"),
        # the address of a loopback can't be an endpoint, and there is nobody to find one
        *("--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none"),
        f"--cert-dir={folder / 'certificates'}",
        *("--service-cluster-ip-range=10.96.0.0/16", "--service-account-issuer=https://127.0.0.1"),
        f"--service-account-key-file={folder / 'accounts.pem'}",
        f"--service-account-signing-key-file={folder / 'accounts.pem'}",
        *(f"--token-auth-file={folder / 'tokens.csv'}", "--authorization-mode=RBAC"),
        # no controller makes a namespace's account here
        "--disable-admission-plugins=ServiceAccount",
    ]


@contextmanager
def _start(folder: Path, name: str, words: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(kubectl: Kubectl, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline, pause = time.monotonic() + _READY_WITHIN, Event()
    while True:
        try:
            kubectl.run("get", "--raw", "/readyz")
        except Unavailable as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(f"the API server doesn't start ({error}); see {log}") from error
            pause.wait(0.5)
        else:
            return
