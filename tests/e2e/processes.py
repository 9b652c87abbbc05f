"""One of each process that runs until it is stopped, all on one data folder."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bookstream.services import find_free_port
from bookstream.supervisor import Service, Supervisor

RUNNING = ("ingestor", "books-api", "search-api", "ml-api", "gateway", "scraper")
ARGUMENTS = {"scraper": ["scraper", "fleet"]}
PUBLIC = {"books-api": "BOOKS_API", "search-api": "SEARCH_API", "ml-api": "ML_API", "gateway": "GATEWAY"}


@dataclass(frozen=True)
class Process:
    """Addresses of a running process; `public` is "" without a port of its own."""

    admin: str
    public: str


@contextmanager
def run_processes(data: Path, environment: Mapping[str, str] | None = None) -> Iterator[dict[str, Process]]:
    """Ready within the block."""
    with Supervisor(data / "logs", {"BOOKSTREAM_DATA": str(data), **(environment or {})}) as supervisor:
        started, services = {}, []
        for name in RUNNING:
            admin, public = find_free_port(), find_free_port()
            settings = {"BOOKSTREAM_ADMIN_PORT": str(admin)}
            if name in PUBLIC:
                settings[f"BOOKSTREAM_{PUBLIC[name]}_PORT"] = str(public)
            words = ARGUMENTS.get(name, [name.replace("-", "_")])
            ready = f"http://127.0.0.1:{admin}/health/ready"
            services.append(Service(name, words, ready, settings))
            address = f"http://127.0.0.1:{public}" if name in PUBLIC else ""
            started[name] = Process(f"http://127.0.0.1:{admin}", address)
        supervisor.start_all(services)
        yield started
