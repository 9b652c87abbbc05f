"""Several gateways on one cache server: what one forgets all forget; and what one does without the server."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from redis import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.gateway.rolling import list_children, wait_until
from tests.unit.gateway.servers import ADMIN, RunningGateway, run_gateway, serve_app

from bookcore.testing.proxy import FaultProxy
from bookstream.services import find_free_port
from gateway.settings import Settings

SERVED = {"count": 0}


async def answer(request: Request) -> Response:
    SERVED["count"] += 1
    return JSONResponse({"path": request.url.path})


APP = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "PUT"])])


@pytest.fixture
def service() -> Iterator[str]:
    with serve_app(APP) as address:
        yield address


@contextmanager
def run_instance(folder: Path, service: str, cache: str) -> Iterator[RunningGateway]:
    settings = Settings(
        data=folder,
        cache_url=cache,
        books_api_urls=(service,),
        search_api_urls=(service,),
        bootstrap_admin_email=ADMIN["email"],
        bootstrap_admin_password=ADMIN["password"],
        gateway_instance=uuid4().hex,
    )
    with run_gateway(settings) as found:
        yield found


def read_through(proxy: FaultProxy, redis_url: str) -> str:
    """The cache server behind the proxy, with a prefix of its own."""
    parts = urlsplit(redis_url)
    place = f"{parts.netloc.rpartition(':')[0]}:{proxy.port}"
    return parts._replace(netloc=place).geturl() + f"?prefix=t{uuid4().hex}:"


def read_cache_status(found: RunningGateway, path: str = "/v1/books") -> str:
    with found.connect() as wire:
        wire.send(wire.build_get(path))
        return wire.read_response().headers.get("cache-status", "")


def wait_for_listener(*gateways: RunningGateway) -> None:
    """Until all answer from the cache; each drops everything once when it has begun to listen."""
    for _ in range(50):
        if all("hit" in read_cache_status(found) for found in gateways):
            return
        Event().wait(0.05)
    raise AssertionError("nothing is kept")


def test_purge_at_one_gateway_applies_at_all(tmp_path: Path, service: str, redis_url: str) -> None:
    cache = f"{redis_url}?prefix=t{uuid4().hex}:"
    with (
        run_instance(tmp_path, service, cache) as one,
        run_instance(tmp_path, service, cache) as two,
        two.connect() as wire,
    ):
        for n in range(20):
            wait_for_listener(one, two)
            wire.send(wire.build_request("PUT", f"/v1/books/{n}", "Content-Length: 0"))
            assert wire.read_response().status == 200
            assert "hit" not in read_cache_status(one)


def test_response_cached_by_one_gateway_is_found_by_another(
    tmp_path: Path, service: str, redis_url: str
) -> None:
    cache = f"{redis_url}?prefix=t{uuid4().hex}:"
    with run_instance(tmp_path, service, cache) as one, run_instance(tmp_path, service, cache) as two:
        wait_for_listener(one, two)
        for _ in range(10):  # what is stored may be on its way yet when the answer is here
            path, before = f"/v1/books?n={uuid4().hex}", SERVED["count"]
            assert "fwd=uri-miss" in read_cache_status(one, path)
            if "hit" in read_cache_status(two, path):
                assert SERVED["count"] == before + 1
                return
        raise AssertionError("never found")


def test_logout_at_one_gateway_applies_at_the_other_at_once(
    tmp_path: Path, service: str, redis_url: str
) -> None:
    cache = f"{redis_url}?prefix=t{uuid4().hex}:"
    with run_instance(tmp_path, service, cache) as one, run_instance(tmp_path, service, cache) as two:
        wait_for_listener(one, two)
        with one.connect() as here, two.connect() as there:
            there.lines = here.lines
            there.send(there.build_get("/v1/books"))
            assert there.read_response().status == 200
            here.send(here.build_request("POST", "/v1/auth/logout", "Content-Length: 0"))
            assert here.read_response(has_body=False).status == 204
            there.send(there.build_get("/v1/books"))
            assert there.read_response().status == 401


def test_without_the_cache_server_reads_work_and_logins_are_refused(
    tmp_path: Path, service: str, redis_url: str
) -> None:
    with FaultProxy(urlsplit(redis_url).port or 6379) as proxy:
        cache = read_through(proxy, redis_url)
        with run_instance(tmp_path, service, cache) as found, found.connect() as wire:
            wait_for_listener(found)
            proxy.stall()
            for _ in range(5):
                wire.send(wire.build_get("/v1/books"))
                answer = wire.read_response()
                assert (answer.status, "ratelimit" in answer.headers) == (200, True)
            login = httpx.post(f"{found.address}/v1/auth/login", json=ADMIN, trust_env=False, timeout=10)
            assert login.status_code == 503
            metrics = httpx.get(f"{found.address}/metrics", trust_env=False).text
            assert "gateway_requests_counted_locally_total 5.0" in metrics
            proxy.resume()
            for _ in range(100):
                with suppress(httpx.HTTPError):
                    again = httpx.post(f"{found.address}/v1/auth/login", json=ADMIN, trust_env=False)
                    if again.status_code == 200:
                        break
                Event().wait(0.1)
            else:
                pytest.fail("the gateway did not find the cache server again")


@contextmanager
def run_processes(
    folder: Path, service: str, cache: str, *, admin_port: int = 0
) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A gateway of two workers as it runs in production."""
    port = find_free_port()
    env = {
        "DATA": str(folder),
        "CACHE_URL": cache,
        "BOOKS_API_URLS": service,
        "SEARCH_API_URLS": service,
        "BOOTSTRAP_ADMIN_EMAIL": ADMIN["email"],
        "BOOTSTRAP_ADMIN_PASSWORD": ADMIN["password"],
        "GATEWAY_WORKERS": "2",
        "GATEWAY_PORT": str(port),
        "ADMIN_PORT": str(admin_port),
        "GATEWAY_REQUESTS_PER_MINUTE": "10000000",
        "GATEWAY_ANONYMOUS_PER_MINUTE": "10000000",
        "GATEWAY_ACCESS_LOG": "false",
    }
    named = {f"BOOKSTREAM_{name}": value for name, value in env.items()}
    with subprocess.Popen([sys.executable, "-m", "gateway"], env={**os.environ, **named}) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            metrics_address = f"http://127.0.0.1:{admin_port or port}"
            wait_until(lambda: count_workers(metrics_address) == "2.0")
            yield address, process
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(40) == 0


class Load(Thread):
    """Reads without pause on a few connections; counts what failed."""

    def __init__(self, address: str, token: str) -> None:
        super().__init__()
        self._address, self._headers = address, {"Authorization": f"Bearer {token}"}
        self.is_over = False
        self.count, self.failed = 0, list[str]()

    def run(self) -> None:
        with httpx.Client(base_url=self._address, headers=self._headers, trust_env=False) as client:
            while not self.is_over:
                for path in ("/v1/books", f"/v1/search?n={self.count}"):
                    self.count += 1
                    try:
                        answer = client.get(path)
                        if answer.status_code != 200:
                            self.failed.append(answer.text)
                    except httpx.HTTPError as error:
                        self.failed.append(repr(error))


def test_sighup_replaces_all_workers_under_load_without_failed_requests(
    tmp_path: Path, service: str, redis_url: str
) -> None:
    cache = f"{redis_url}?prefix=t{uuid4().hex}:"
    with run_processes(tmp_path, service, cache) as (address, process):
        login = httpx.post(f"{address}/v1/auth/login", json=ADMIN, trust_env=False)
        loads = [Load(address, login.json()["access_token"]) for _ in range(4)]
        workers = list_children(process.pid)
        for load in loads:
            load.start()
        process.send_signal(signal.SIGHUP)
        for _ in range(600):
            if workers.isdisjoint(list_children(process.pid)):
                break
            Event().wait(0.1)
        after = sum(load.count for load in loads)
        while sum(load.count for load in loads) < after + 200:
            Event().wait(0.05)
        for load in loads:
            load.is_over = True
            load.join()
        assert workers.isdisjoint(list_children(process.pid))
        assert [failure for load in loads for failure in load.failed] == []
        assert len(list_children(process.pid)) == 2


def count_requests(address: str) -> float:
    text = httpx.get(f"{address}/metrics", trust_env=False, timeout=60).text
    sample = 'gateway_requests_total{method="GET",route="/books",status="200"} '
    return float(text.partition(f"\n{sample}")[2].partition("\n")[0] or 0)


def count_workers(address: str) -> str:
    """Nothing while nobody answers."""
    with suppress(httpx.HTTPError):
        text = httpx.get(f"{address}/metrics", trust_env=False, timeout=60).text
        return text.partition("\ngateway_workers ")[2].partition("\n")[0]
    return ""


def test_metrics_sum_all_workers_and_outlive_them(tmp_path: Path, service: str, redis_url: str) -> None:
    cache = f"{redis_url}?prefix=t{uuid4().hex}:"
    with run_processes(tmp_path, service, cache) as (address, process):
        wait_until(lambda: count_workers(address) == "2.0")
        login = httpx.post(f"{address}/v1/auth/login", json=ADMIN, trust_env=False)
        headers = {"Authorization": f"Bearer {login.json()['access_token']}"}

        def ask(times: int) -> None:
            for _ in range(times):  # each on a connection of its own, so that both workers are asked
                httpx.get(f"{address}/v1/books", headers=headers, trust_env=False, timeout=60)

        looked = [0.0]
        for _ in range(40):
            ask(1)
            looked.append(count_requests(address))
        wait_until(lambda: count_requests(address) == 40, within=5)
        workers = list_children(process.pid)
        process.send_signal(signal.SIGHUP)
        while not workers.isdisjoint(list_children(process.pid)):
            looked.append(count_requests(address))
        assert looked == sorted(looked)
        wait_until(lambda: count_workers(address) == "2.0")
        assert count_requests(address) == 40
        os.kill(min(list_children(process.pid)), signal.SIGKILL)
        wait_until(lambda: list_children(process.pid).isdisjoint(workers) and count_workers(address) == "2.0")
        assert count_requests(address) == 40


def test_admin_port_reports_the_sum_of_all_workers_and_survives_their_replacement(
    tmp_path: Path, service: str, redis_url: str
) -> None:
    admin_port = find_free_port()
    cache, admin = f"{redis_url}?prefix=t{uuid4().hex}:", f"http://127.0.0.1:{admin_port}"
    with run_processes(tmp_path, service, cache, admin_port=admin_port) as (address, process):
        assert httpx.get(f"{address}/metrics", trust_env=False).status_code == 404
        workers = list_children(process.pid)
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: workers.isdisjoint(list_children(process.pid)) and count_workers(admin) == "2.0")
        assert httpx.get(f"{admin}/health/ready", trust_env=False).status_code == 200


def test_dead_worker_is_restarted_once_the_cache_server_is_back(
    tmp_path: Path, service: str, redis_url: str
) -> None:
    with (
        FaultProxy(urlsplit(redis_url).port or 6379) as proxy,
        run_processes(tmp_path, service, read_through(proxy, redis_url)) as (address, process),
    ):
        wait_until(lambda: count_workers(address) == "2.0")
        proxy.stall()
        before = list_children(process.pid)
        os.kill(min(before), signal.SIGKILL)
        wait_until(lambda: len(list_children(process.pid) - before) == 1)
        failed = list_children(process.pid) - before
        wait_until(lambda: failed.isdisjoint(list_children(process.pid)))
        proxy.resume()
        wait_until(lambda: len(list_children(process.pid) - failed) == 2)
        after = list_children(process.pid)
        assert not Event().wait(1)
        assert list_children(process.pid) == after


@pytest.mark.parametrize("garbage", [b"", b"nonsense", b"[1,2]\n", b'[[], [], "a", null, [1, 2, 3], []]\n{}'])
def test_invalid_cache_entry_is_fetched_again(
    tmp_path: Path, service: str, redis_url: str, garbage: bytes
) -> None:
    own = f"t{uuid4().hex}:"
    cache = f"{redis_url}?prefix={own}"
    with run_instance(tmp_path, service, cache) as one, run_instance(tmp_path, service, cache) as two:
        wait_for_listener(one, two)
        path = f"/v1/books?n={uuid4().hex}"
        with Redis.from_url(redis_url) as server:
            before = set(server.scan_iter(f"{own}*"))
            assert "stored" in read_cache_status(one, path)
            wait_until(lambda: set(server.scan_iter(f"{own}*")) > before)
            for key in set(server.scan_iter(f"{own}*")) - before:
                server.set(key, garbage, keepttl=True)
        assert "fwd=uri-miss" in read_cache_status(two, path)
        assert "hit" in read_cache_status(two, path)
        assert count_locally_limited(two) == 0


LEAVERS = ["GET /v1/books?a=1", "GET /v1/books?a=1 fresh", "GET /v1/books?a=2", "HEAD /v1/books?a=2"]


@pytest.mark.parametrize("asked", LEAVERS)
def test_disconnect_during_rate_limiting_affects_no_other_client(
    tmp_path: Path, service: str, redis_url: str, asked: str
) -> None:
    method, path, *fresh = asked.split()
    with FaultProxy(urlsplit(redis_url).port or 6379) as proxy:
        cache = read_through(proxy, redis_url)
        with run_instance(tmp_path, service, cache) as found, found.connect() as stays:
            wait_for_listener(found)
            assert read_cache_status(found, "/v1/books?a=1")
            before = SERVED["count"]
            proxy.delay(0.2)
            with found.connect() as leaves:
                leaves.lines = stays.lines
                leaves.send(
                    leaves.build_request(method, path, *(["Cache-Control: no-cache"] if fresh else []))
                )
            stays.send(stays.build_get("/v1/books?a=1"))  # counted behind the one that left
            assert "hit" in stays.read_response().headers["cache-status"]
            stays.send(stays.build_get("/v1/books?a=3"))
            assert stays.read_response().status == 200
            assert SERVED["count"] == before + 1  # nobody waited for the other
            assert count_locally_limited(found) == 0


def count_locally_limited(found: RunningGateway) -> int:
    text = httpx.get(f"{found.address}/metrics", trust_env=False).text
    line = next(line for line in text.splitlines() if line.startswith("gateway_requests_counted_locally"))
    return int(float(line.split()[-1]))
