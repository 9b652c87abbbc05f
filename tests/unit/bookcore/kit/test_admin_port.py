"""The admin port tells whether a process lives, takes work and reaches its stores, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import httpx
import pytest

from bookcore.domain.errors import Unavailable
from bookcore.kit.admin.health import HANG_SECONDS, DependencyMonitor, ProcessHealth
from bookcore.kit.admin.metrics import ProcessMetrics
from bookcore.kit.admin.server import AdminPages, AdminServer, open_admin_port
from bookcore.kit.listener import bind
from bookcore.kit.settings import Settings
from bookcore.testing.contracts.cache import ManualClock


@contextmanager
def serve(health: ProcessHealth, monitor: DependencyMonitor | None = None) -> Iterator[httpx.Client]:
    listener = bind("127.0.0.1", 0)
    pages = AdminPages(health, monitor or DependencyMonitor({}), ProcessMetrics("ingestor").render)
    server = AdminServer(listener, pages)
    server.open()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        with httpx.Client(base_url=address, trust_env=False, timeout=30) as client:
            yield client
    finally:
        server.close()


def test_a_loop_that_does_not_turn_fails_liveness_until_it_turns_again() -> None:
    clock = ManualClock()
    health = ProcessHealth(stuck_seconds=60, now=clock.monotonic)
    with serve(health) as client:
        health.beat("relay")
        health.beat("index")
        clock.advance(50)
        health.beat("relay")
        assert client.get("/health/live").status_code == 200
        clock.advance(20)
        answer = client.get("/health/live")
        assert (answer.status_code, answer.json()["detail"]) == (503, "no turn of index for 60 s")
        health.beat("index")
        assert client.get("/health/live").status_code == 200
        clock.advance(70)
        health.beat("relay")
        health.forget("index")
        assert client.get("/health/live").status_code == 200


def test_a_process_is_ready_after_its_start_and_until_it_leaves() -> None:
    health, assigned = ProcessHealth(stuck_seconds=60), Event()
    with serve(health) as client:
        said = [client.get("/health/ready").json()["detail"]]
        health.require("the partitions of g", assigned.is_set)
        health.start()
        said.append(client.get("/health/ready").json()["detail"])
        assigned.set()
        assert client.get("/health/ready").status_code == 200
        health.leave()
        said.append(client.get("/health/ready").json()["detail"])
    assert said == ["starting", "waits for the partitions of g", "stopping"]


def test_a_store_that_is_away_or_hangs_is_told_and_makes_no_process_unready() -> None:
    asked, hold = Event(), Event()

    def refuse() -> None:
        raise Unavailable("the catalogue can't be used")

    def hang() -> None:
        asked.set()
        hold.wait(60)

    health, clock = ProcessHealth(stuck_seconds=60), ManualClock()
    health.start()
    checks = {"lake": lambda: None, "catalogue": refuse, "search": hang}
    with serve(health, DependencyMonitor(checks, now=clock.monotonic)) as client:
        assert asked.wait(30)
        clock.advance(HANG_SECONDS + 1)
        for _ in range(100):
            told = client.get("/health/detail").json()
            if len(told) == len(checks):
                break
            Event().wait(0.1)
        assert told == {
            "lake": {"available": True, "reason": None},
            "catalogue": {"available": False, "reason": "the catalogue can't be used"},
            "search": {"available": False, "reason": "no answer for 5 s"},
        }
        assert client.get("/health/ready").status_code == 200
        hold.set()


def test_the_port_has_health_and_metrics_and_nothing_else() -> None:
    with serve(ProcessHealth(stuck_seconds=60)) as client:
        answer = client.get("/metrics?x=1")
        assert "bookstream_build_info" in answer.text
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        head = client.head("/metrics")
        assert (head.status_code, head.content) == (200, b"")
        for path in ("/", "/metrics/", "//metrics", "/health", "/v1/books", "/docs"):
            assert client.get(path).status_code == 404, path
        assert client.post("/metrics").status_code == 501


def test_a_port_that_is_taken_is_named() -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        pages = AdminPages(ProcessHealth(stuck_seconds=1), DependencyMonitor({}), bytes)
        with (
            pytest.raises(Unavailable, match=f"cannot listen on 127.0.0.1:{port} .*; choose another port"),
            open_admin_port(Settings(admin_port=port), pages),
        ):
            pass


def test_no_port_is_opened_unless_it_is_set() -> None:
    assert (Settings().admin_host, Settings().admin_port) == ("127.0.0.1", 0)
    with open_admin_port(
        Settings(), AdminPages(ProcessHealth(stuck_seconds=1), DependencyMonitor({}), bytes)
    ):
        pass
