"""Measures the gateway under conditions that no peer is measured under."""

import resource
import socket
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from bench.gateway_load import LOADING, Load, LoadProfile, run_wrk, start_process
from bench.gateway_peers import Peer, Site

from bookcore.domain.book import make_book_id
from bookcore.event_log import open_event_log
from bookcore.events.book import BookChanged, ChangeKind
from bookcore.events.codec import encode
from bookcore.events.topics import CHANGED

IDLE, EVENTS = 10_000, 200
FIRST_PORT, PORT = 18_201, 18_205


def measure_purge_times(address: str, token: str, *, log: str) -> list[float]:
    """Milliseconds from an event in the log to the first new response."""
    book = make_book_id("bench", "u1")
    request = urllib.request.Request(
        f"{address}/v1/books/{book}", headers={"Authorization": f"Bearer {token}"}
    )
    events, found = open_event_log(log), []
    for version in range(1, EVENTS + 1):
        while not _is_hit(request):
            pass
        change = BookChanged(book_id=book, version=version, kind=ChangeKind.CREATED, changes=())
        events.append(CHANGED.name, [encode(change, source="bench")])
        began = time.perf_counter()
        while _is_hit(request):
            pass
        found.append((time.perf_counter() - began) * 1_000)
    events.close()
    return found


def measure_many_connections(peer: Peer, site: Site, target: str) -> Load:
    """10,000 connections, each sending the next request after a response."""
    _allow_files()
    load = run_wrk(peer.address + target, site.token, LoadProfile(8, IDLE), pid=peer.pid)
    print(f"  10,000 busy connections: {load.requests} requests, {load.failed} failed", flush=True)
    return load if load.requests else replace(load, failed=IDLE)


def measure_idle_memory(peer: Peer) -> float:
    """Resident megabytes of the gateway with 10,000 idle connections after one request each."""
    _allow_files()
    parts = urlsplit(peer.address)
    connections = []
    for _ in range(IDLE):
        connection = socket.create_connection((parts.hostname or "", parts.port or 0))
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(4_096)
        connections.append(connection)
    time.sleep(3)  # what was kept of the last request is dropped by then
    resident = psutil.Process(peer.pid).memory_info().rss / 1_000_000
    for connection in connections:
        connection.close()
    return float(resident)


def count_failed_reads(
    gateway: Callable[..., AbstractContextManager[Peer]], folder: Path, site: Site
) -> float:
    """Failed reads under load while one of three services responds 503 to everything."""
    with ExitStack() as stack:
        for place, status in enumerate(("200 OK", "200 OK", "503 Service Unavailable")):
            command = [sys.executable, "-m", "bench.gateway_service", str(FIRST_PORT + place), status]
            stack.enter_context(start_process(command, core=LOADING))
        urls = ",".join(f"http://127.0.0.1:{FIRST_PORT + place}" for place in range(3))
        peer = stack.enter_context(gateway(folder, PORT, {"SEARCH_API_URLS": urls, "CACHE_URL": "memory://"}))
        time.sleep(1)
        load = run_wrk(f"{peer.address}/v1/search?q=x", site.token, LoadProfile(3), pid=peer.pid)
    print(f"  one of three failing: {load.failed} of {load.requests} failed", flush=True)
    return float(load.failed)


def _allow_files() -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, IDLE * 2), most))


def _is_hit(request: urllib.request.Request) -> bool:
    with urllib.request.urlopen(request) as answer:
        return "hit" in (answer.headers["Cache-Status"] or "")
