"""One Compose project: brought up, asked, taken down."""

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
class Platform:
    """`settings` are what .env would hold, and all that is passed; `project` keeps it apart from others."""

    engine: Engine
    project: str
    settings: Mapping[str, str]
    files: Sequence[str]

    def compose(self, *words: str) -> str:
        """A Compose command in the root of the repository; what it printed. Raises: Unavailable."""
        files = [word for name in self.files for word in ("-f", name)]
        empty = Path(__file__).parent / "empty.env"  # so that nobody's .env has a say
        arguments = ["--project-directory", ".", "--env-file", str(empty), "-p", self.project, *files, *words]
        return self.engine.run(*self.engine.compose, *arguments, more=self.settings)

    def up(self, *options: str) -> None:
        """Start what isn't up and wait until everything is healthy or has ended well. Raises: Unavailable."""
        self.compose(*options, "up", "-d")
        deadline, pause = time.monotonic() + _HEALTHY_WITHIN, Event()
        while unwell := self._unwell():
            if time.monotonic() > deadline or any(" exited " in line for line in unwell):
                raise Unavailable(f"not healthy: {'; '.join(unwell)}")
            pause.wait(1)

    def down(self) -> None:
        """Remove containers, networks and volumes."""
        profiles = [word for name in ("full", "ml", "tools") for word in ("--profile", name)]
        self.compose(*profiles, "down", "--volumes", "--remove-orphans", "-t", "20")

    def refuses(self, name: str) -> bool:
        """Whether nothing can be started, for a reason that names the setting."""
        try:
            self.compose("config")
        except Unavailable as error:
            return name in str(error)
        return False

    def check_accounts(self) -> None:
        """Raises: Unavailable naming a container that runs as root or without a bound of its memory."""
        shown = "{{.Name}} user={{.Config.User}} memory={{.HostConfig.Memory}}"
        for line in self._inspected(shown):
            if any(f" user={root}" in line for root in (" ", "0", "root")):
                raise Unavailable(f"{line}: runs as root")
            if line.endswith("memory=0"):
                raise Unavailable(f"{line}: has no bound")

    def settle(self, books: int) -> None:
        """Wait until so many books are kept and everything published is searchable. Raises: Unavailable."""
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
        """The ledger's line. Raises: Unavailable when something is lost or doubled."""
        return self.compose("run", "--rm", "-T", "bookstream", "audit").splitlines()[-1]

    def train(self, source: str) -> str:
        """Train, and the gateway tells of the version; the trainer's sentence. Raises: Unavailable."""
        lines = self.compose("run", "--rm", "-T", "trainer", "train", source).splitlines()
        told = next((json.loads(line) for line in lines if '"trained"' in line), None)
        if told is None:
            raise Unavailable(f"the trainer says {lines[-1:]}")
        deadline, pause = time.monotonic() + _SETTLED_WITHIN, Event()
        while told["digest"] not in (known := self._authorised("/v1/ml/models").decode()):
            if time.monotonic() > deadline:
                raise Unavailable(f"the gateway doesn't tell of version {told['digest']}: {known[:500]}")
            pause.wait(1)
        return str(told["sentence"])

    def export(self) -> list[bytes]:
        """Every book by the gateway, as lines of JSON. Raises: Unavailable."""
        return self._authorised("/v1/books/export?format=jsonl").splitlines()

    def _authorised(self, path: str) -> bytes:
        email = self.settings.get("BOOKSTREAM_BOOTSTRAP_ADMIN_EMAIL", _EMAIL)
        password = self.settings.get("BOOKSTREAM_BOOTSTRAP_ADMIN_PASSWORD", _PASSWORD)
        login = json.dumps({"email": email, "password": password}).encode()
        token = json.loads(self._ask("/v1/auth/login", {"Content-Type": "application/json"}, login))[
            "access_token"
        ]
        return self._ask(path, {"Authorization": f"Bearer {token}"})

    def containers(self) -> list[str]:
        """Ids of all that the project has, also of those that have ended."""
        return sorted(self.compose("--profile", "full", "--profile", "ml", "ps", "-a", "-q").split())

    def last_words(self) -> str:
        """Of every container that isn't well."""
        names = [line.split()[0] for line in self._unwell()]
        return "\n".join(
            f"--- {name}\n{self.engine.run('docker', 'logs', '--tail', '40', name)}" for name in names
        )

    def _ask(self, path: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
        url = f"http://127.0.0.1:{self.settings['GATEWAY_PORT']}{path}"
        request = urllib.request.Request(url, data=body, headers=dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own gateway
                answered: bytes = answer.read()
        except OSError as error:
            raise Unavailable(f"the gateway doesn't answer {path}: {error}") from error
        return answered

    def _unwell(self) -> list[str]:
        """Neither healthy nor ended with 0."""
        lines = self._inspected(_SHOWN)
        return [line for line in lines if not line.endswith((" running 0 healthy", " exited 0"))]

    def _inspected(self, shown: str) -> list[str]:
        ids = self.containers()
        if not ids:
            return []
        return [
            line.strip()
            for line in self.engine.run("docker", "inspect", "--format", shown, *ids).splitlines()
        ]
