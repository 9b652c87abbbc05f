"""Processes under test on one core, load on the other; CPU time of process trees in nanoseconds."""

import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import psutil

TESTED, LOADING = "0", "1"
"""Cores."""
_STEADY = 32
"""Connections of a steady rate."""


@dataclass(frozen=True)
class Load:
    """The result of one run of wrk; `cpu` in microseconds per request."""

    requests: int
    failed: int
    seconds: float
    p99_ms: float
    cpu: float
    server_cpu: float


@contextmanager
def start_process(
    command: Sequence[str], *, core: str, env: Mapping[str, str] | None = None, log: Path | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Runs a process on one core and stops it at the end."""
    with (log or Path(os.devnull)).open("wb") as out:
        process = subprocess.Popen(
            ["taskset", "-c", core, *command], env={**os.environ, **(env or {})}, stdout=out, stderr=out
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(url: str, *, headers: Mapping[str, str] | None = None, seconds: float = 15) -> bytes:
    """Waits until the URL responds with 200; returns the body."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers or {}))) as answer:
                body: bytes = answer.read()
                return body
        except (urllib.error.URLError, ConnectionError) as error:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{url}: {error}") from error
            time.sleep(0.1)


def read_cpu_seconds(pid: int) -> float:
    """CPU time of a process and its children until now."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    total = 0
    for member in family:
        for task in Path(f"/proc/{member.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


@dataclass(frozen=True)
class LoadProfile:
    """Duration, connections, and optional script and Accept-Encoding of a run of wrk."""

    seconds: int
    connections: int = 32
    script: str = ""
    encoding: str = ""


def run_wrk(url: str, token: str, pressure: LoadProfile, *, pid: int, server: int = 0) -> Load:
    """Runs wrk on the other core; `server` is the pid of the cache server, measured too."""
    command = ["taskset", "-c", LOADING, "wrk", "-t1", "--latency"]
    command += [f"-c{pressure.connections}", f"-d{pressure.seconds}s"]
    command += ["-s", pressure.script] if pressure.script else []
    command += ["-H", f"Accept-Encoding: {pressure.encoding}"] if pressure.encoding else []
    before, server_before = read_cpu_seconds(pid), read_cpu_seconds(server) if server else 0.0
    done = subprocess.run(
        [*command, "-H", f"Authorization: Bearer {token}", url], capture_output=True, text=True, check=True
    )
    used = read_cpu_seconds(pid) - before
    server_used = read_cpu_seconds(server) - server_before if server else 0.0
    text = done.stdout
    requests = int(_find(r"(\d+) requests in", text) or 0)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    failed = int(_find(r"Non-2xx or 3xx responses: (\d+)", text) or 0)
    failed += sum(map(int, errors.groups())) if errors else 0
    wall = float(_find(r"requests in ([\d.]+)s", text) or pressure.seconds)
    count = max(1, requests)
    return Load(
        requests, failed, wall, _parse_milliseconds(text), used * 1e6 / count, server_used * 1e6 / count
    )


class Latency(NamedTuple):
    """Percentiles in milliseconds."""

    p50: float
    p99: float
    p999: float


def measure_steady_rate(url: str, token: str, *, rate: float, seconds: int) -> Latency:
    """Latency at an open-loop rate (requests a second)."""
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        command = ["taskset", "-c", LOADING, "h2load", "--h1", "-t1", f"-c{_STEADY}", f"-D{seconds}"]
        command += [f"--rps={max(1, round(rate / _STEADY))}", f"--log-file={log}"]
        subprocess.run(
            [*command, "-H", f"Authorization: Bearer {token}", url], capture_output=True, check=True
        )
        taken = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
    return Latency(*(taken[int(len(taken) * share)] / 1_000 for share in (0.5, 0.99, 0.999)))


def install_program(program: str, *packages: str) -> None:
    """Installs Debian packages when the program is missing. Needs root."""
    if shutil.which(program) is None:
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
        subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)


def _find(pattern: str, text: str) -> str | None:
    found = re.search(pattern, text)
    return found[1] if found else None


def _parse_milliseconds(text: str) -> float:
    found = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1_000.0}[found[2]] if found else 0.0
