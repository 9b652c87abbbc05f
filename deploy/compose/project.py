"""A Compose project: start, query, remove."""

import json
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from deploy.compose.engine import Engine

from bookcore.domain.errors import Unavailable

_HEALTHY_WITHIN, _SETTLED_WITHIN = 300.0, 300.0  # seconds
_EMAIL, _PASSWORD = "admin@bookstream.example", "development-only"  # as docker-compose.yml has them
_SHOWN = "{{.Name}} {{.State.Status}} {{.State.ExitCode}} {{if .State.Health}}{{.State.Health.Status}}{{end}}"


@dataclass(frozen=True, slots=True)
class ComposeProject:
    """`settings` replace the .env file; `project` is the name that separates it from other projects."""

    engine: Engine
    project: str
    settings: Mapping[str, str]
    files: Sequence[str]

    def compose(self, *words: str) -> str:
        """Runs a Compose command in the root of the repository. Raises: Unavailable."""
        files = [word for name in self.files for word in ("-f", name)]
        empty = Path(__file__).parent / "empty.env"  # so that nobody's .env has a say
        arguments = ["--project-directory", ".", "--env-file", str(empty), "-p", self.project, *files, *words]
        return self.engine.run(*self.engine.compose, *arguments, more=self.settings)

    def start(self, *options: str) -> None:
        """Starts the containers and waits until all are healthy or have ended with 0. Raises: Unavailable."""
        self.compose(*options, "up", "-d")
        deadline, pause = time.monotonic() + _HEALTHY_WITHIN, Event()
        while unwell := self._list_unhealthy():
            if time.monotonic() > deadline or any(" exited " in line for line in unwell):
                raise Unavailable(f"not healthy: {'; '.join(unwell)}")
            pause.wait(1)

    def remove(self) -> None:
        """Removes containers, networks and volumes."""
        profiles = [word for name in ("full", "ml", "tools") for word in ("--profile", name)]
        self.compose(*profiles, "down", "--volumes", "--remove-orphans", "-t", "20")

    def is_rejected_by(self, name: str) -> bool:
        """Whether Compose rejects the project with an error that names the setting."""
        try:
            self.compose("config")
        except Unavailable as error:
            return name in str(error)
        return False

    def check_limits(self) -> None:
        """Raises: Unavailable with the container that runs as root or without a memory limit."""
        shown = "{{.Name}} user={{.Config.User}} memory={{.HostConfig.Memory}}"
        for line in self._inspect(shown):
            if any(f" user={root}" in line for root in (" ", "0", "root")):
                raise Unavailable(f"{line}: runs as root")
            if line.endswith("memory=0"):
                raise Unavailable(f"{line}: has no bound")

    def await_books(self, books: int) -> None:
        """Waits until that many books are stored and searchable. Raises: Unavailable."""
        deadline, pause = time.monotonic() + _SETTLED_WITHIN, Event()
        while True:
            now = json.loads(
                self.compose("run", "--rm", "-T", "bookstream", "status", "--json").splitlines()[-1]
            )
            if now["settled"] and now["documents"] == now["books"] == books:
                return
            if time.monotonic() > deadline:
                raise Unavailable(f"{books} books are expected, and it stays at {now}")
            pause.wait(1)

    def audit(self) -> str:
        """The audit's result line. Raises: Unavailable when an event is lost or duplicated."""
        return self.compose("run", "--rm", "-T", "bookstream", "audit").splitlines()[-1]

    def train(self, source: str) -> str:
        """Trains and waits for the version at the gateway; returns the gate's verdict. Raises:
        Unavailable.
        """
        lines = self.compose("run", "--rm", "-T", "trainer", "train", source).splitlines()
        told = next((json.loads(line) for line in lines if '"trained"' in line), None)
        if told is None:
            raise Unavailable(f"the trainer says {lines[-1:]}")
        deadline, pause = time.monotonic() + _SETTLED_WITHIN, Event()
        while told["digest"] not in (known := self._send_authorized("/v1/ml/models").decode()):
            if time.monotonic() > deadline:
                raise Unavailable(f"the gateway doesn't tell of version {told['digest']}: {known[:500]}")
            pause.wait(1)
        return str(told["sentence"])

    def export(self) -> list[bytes]:
        """The gateway's export, as lines of JSON. Raises: Unavailable."""
        return self._send_authorized("/v1/books/export?format=jsonl").splitlines()

    def _send_authorized(self, path: str) -> bytes:
        email = self.settings.get("BOOKSTREAM_BOOTSTRAP_ADMIN_EMAIL", _EMAIL)
        password = self.settings.get("BOOKSTREAM_BOOTSTRAP_ADMIN_PASSWORD", _PASSWORD)
        login = json.dumps({"email": email, "password": password}).encode()
        token = json.loads(self._send("/v1/auth/login", {"Content-Type": "application/json"}, login))[
            "access_token"
        ]
        return self._send(path, {"Authorization": f"Bearer {token}"})

    def list_containers(self) -> list[str]:
        """Ids of the project's containers, running or not."""
        return sorted(self.compose("--profile", "full", "--profile", "ml", "ps", "-a", "-q").split())

    def read_failed_logs(self) -> str:
        """Last log lines of every unhealthy container."""
        names = [line.split()[0] for line in self._list_unhealthy()]
        return "\n".join(
            f"--- {name}\n{self.engine.run('docker', 'logs', '--tail', '40', name)}" for name in names
        )

    def _send(self, path: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
        url = f"http://127.0.0.1:{self.settings['GATEWAY_PORT']}{path}"
        request = urllib.request.Request(url, data=body, headers=dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own gateway
                answered: bytes = answer.read()
        except OSError as error:
            raise Unavailable(f"the gateway doesn't answer {path}: {error}") from error
        return answered

    def _list_unhealthy(self) -> list[str]:
        """Containers that are neither healthy nor ended with 0."""
        lines = self._inspect(_SHOWN)
        return [line for line in lines if not line.endswith((" running 0 healthy", " exited 0"))]

    def _inspect(self, shown: str) -> list[str]:
        ids = self.list_containers()
        if not ids:
            return []
        return [
            line.strip()
            for line in self.engine.run("docker", "inspect", "--format", shown, *ids).splitlines()
        ]
