"""Every service and the gateway are replaced while people ask, and nobody notices."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
from tests.gateway.rolling import Program, list_children, run_under_load, wait_until
from tests.gateway.whole import fill, train
from tests.promises import carries
from tests.unit.gateway.servers import ADMIN

from ml_api.settings import Settings as MlSettings

SERVICES = {
    "books_api": "BOOKSTREAM_BOOKS_API_PORT",
    "search_api": "BOOKSTREAM_SEARCH_API_PORT",
    "ml_api": "BOOKSTREAM_ML_API_PORT",
}
FRESH = {"Cache-Control": "no-cache"}


def read_book(client: httpx.Client, n: int) -> httpx.Response:
    return client.get(f"/v1/books/shop:u{n % 25:02d}", headers=FRESH if n % 2 else {})


def write_book(client: httpx.Client, n: int) -> httpx.Response:
    book = {
        "source": "own_shop",
        "source_id": uuid4().hex,
        "url": f"https://own.example/{n}",
        "title": f"Title {n}",
        "price": {"amount": "51.77", "currency": "GBP"},
        "availability": {"status": "in_stock"},
    }
    return client.post("/v1/books", json=book)


def search(client: httpx.Client, n: int) -> httpx.Response:
    return client.get("/v1/search", params={"q": f"book {n}"})


def predict(client: httpx.Client, n: int) -> httpx.Response:
    return client.post(
        "/v1/ml/predict", json={"source": "shop", "features": {"title": f"Title {n}", "rating": 3}}
    )


def list_models(client: httpx.Client, n: int) -> httpx.Response:
    return client.get("/v1/ml/models")


KINDS = (
    [read_book],
    [read_book, write_book],
    [write_book],
    [search],
    [search, read_book],
    [predict],
    [predict, list_models],
)


@dataclass(frozen=True)
class Site:
    """Two of each service and a gateway of two workers."""

    services: list[Program]
    gateway: Program


@contextmanager
def site(data: Path, **more: str) -> Iterator[Site]:
    """Of processes."""
    settings = MlSettings(data=data)
    fill(settings.catalogue_url, settings.search_url)
    train(settings)
    named = {"BOOKSTREAM_DATA": str(data), "BOOKSTREAM_BOOKS_API_WRITE_WAIT": "0"}
    services = [Program(module, port, named) for module, port in SERVICES.items() for _ in range(2)]
    gateway = Program("gateway", "BOOKSTREAM_GATEWAY_PORT", {**named, **_told(services), **more})
    with ExitStack() as stack:
        for program in (*services, gateway):
            program.launch()
            stack.callback(program.stop)
        for program in (*services, gateway):
            program.wait()
        yield Site(services, gateway)


def _told(services: list[Program]) -> Mapping[str, str]:
    urls = {
        f"BOOKSTREAM_{module.upper()}_URLS": ",".join(p.address for p in services if p.module == module)
        for module in SERVICES
    }
    return {
        **urls,
        "BOOKSTREAM_BOOTSTRAP_ADMIN_EMAIL": ADMIN["email"],
        "BOOKSTREAM_BOOTSTRAP_ADMIN_PASSWORD": ADMIN["password"],
        "BOOKSTREAM_GATEWAY_REQUESTS_PER_MINUTE": "10000000",
        "BOOKSTREAM_GATEWAY_ACCESS_LOG": "false",
    }


@carries("no-lost-restart")
def test_rolling_restart_of_all_services_loses_no_request(tmp_path: Path, redis_url: str) -> None:
    cache = {
        "BOOKSTREAM_CACHE_URL": f"{redis_url}?prefix=t{uuid4().hex}:",
        "BOOKSTREAM_GATEWAY_WORKERS": "2",
    }
    with site(tmp_path, **cache) as whole:
        with run_under_load(whole.gateway.address, *KINDS * 2) as loads:
            for service in whole.services:
                service.replace()
                loads.list_answered(more=20)
            assert loads.list_failed == []
            process = whole.gateway.process
            assert process is not None
            workers = list_children(process.pid)
            process.send_signal(signal.SIGHUP)
            wait_until(lambda: workers.isdisjoint(list_children(process.pid)))
            loads.list_answered(more=20)
        assert loads.list_failed == []
