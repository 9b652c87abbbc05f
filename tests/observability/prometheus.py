"""Debian's Prometheus on a free port, asked for the series of queries."""

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import httpx
import yaml
from deploy.observability.generate import RULES

from bookstream.services import find_free_port

_POLLS, _INTERVAL = 120, 0.25
VARIABLES = {"$source": ".*", "$__rate_interval": "30s"}
"""What Grafana replaces in a query."""


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    client: httpx.Client

    def count_series(self, query: str) -> int:
        for name, value in VARIABLES.items():
            query = query.replace(name, value)
        answer = self.client.post("/api/v1/query", data={"query": query}).json()
        assert answer["status"] == "success", (query, answer)
        return len(answer["data"]["result"])

    def find_silent(self, queries: Iterable[str]) -> list[str]:
        """Those without a series."""
        return [query for query in queries if not self.count_series(query)]

    def wait_for_series(self, queries: Iterable[str]) -> list[str]:
        """Those that stay without a series."""
        silent = list(queries)
        for _ in range(_POLLS):
            silent = self.find_silent(silent)
            if not silent:
                break
            Event().wait(_INTERVAL)
        return silent


@contextmanager
def run_prometheus(folder: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """It scrapes and evaluates the rules twice a second; `targets`: job -> host and port."""
    port = find_free_port()
    pace = {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"}
    jobs = [{"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()]
    configuration = {"global": pace, "rule_files": [str(RULES)], "scrape_configs": jobs}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    options = {
        "config.file": folder / "prometheus.yml",
        "storage.tsdb.path": folder / "series",
        "web.listen-address": f"127.0.0.1:{port}",
        "log.level": "warn",
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    child = subprocess.Popen(["prometheus", *words])
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
            _wait_until_ready(child, client)
            yield Prometheus(client)
    finally:
        child.terminate()
        child.wait(30)


def _wait_until_ready(child: "subprocess.Popen[bytes]", client: httpx.Client) -> None:
    for _ in range(_POLLS):
        assert child.poll() is None
        try:
            if client.get("/-/ready").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        Event().wait(_INTERVAL)
    raise AssertionError("prometheus isn't ready")
