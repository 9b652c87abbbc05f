"""Metrics have the names of the one list, and no client or shop decides how many series there are."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from bookcore.kit.admin.families import METRICS, MetricType
from bookcore.kit.admin.metrics import MAX_SERIES, ProcessMetrics
from bookcore.kit.admin.service import ServiceAdmin
from bookcore.kit.app import add_metrics_route, create_service, remove_own_routes


def count_series(text: str, name: str) -> int:
    return len(re.findall(rf"^{name}{{", text, re.MULTILINE))


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


def create_app() -> FastAPI:
    admin = ServiceAdmin("books-api", {}, request_prefix="books_api")
    app = create_service("Books", lifespan=lifespan, admin=admin)

    @app.get("/books/{book_id}")
    def get_book(book_id: str) -> str:
        if book_id == "broken":
            raise RuntimeError("broken")
        return book_id

    return app


def test_hostile_label_values_are_counted_together() -> None:
    metrics = ProcessMetrics("scraper")
    for number in range(3 * MAX_SERIES):
        metrics.count("scraper_retries_total", f'shop {number}\n"}} 1')
    text = metrics.render().decode()
    assert count_series(text, "scraper_retries_total") == MAX_SERIES + 1
    assert f'scraper_retries_total{{source="other"}} {2.0 * MAX_SERIES}' in text


def test_a_metric_that_is_not_listed_for_the_process_is_refused() -> None:
    with pytest.raises(KeyError):
        ProcessMetrics("ingestor").count("scraper_retries_total", "x")


def test_requests_are_counted_by_route_and_never_by_path_or_invented_method() -> None:
    app = create_app()
    add_metrics_route(app)
    with TestClient(app, raise_server_exceptions=False) as client:
        for number in range(50):
            client.get(f"/books/{number}")
            client.get(f"/nothing/{number}")
            client.request(f"BREW{number}", "/books/1")
        client.head("/books/1")
        client.get("/books/broken")
        text = client.get("/metrics").text
    assert 'books_api_requests_total{method="GET",route="/books/{book_id}",status="200"} 51.0' in text
    assert 'books_api_requests_total{method="GET",route="/books/{book_id}",status="500"} 1.0' in text
    assert 'books_api_requests_total{method="GET",route="none",status="404"} 50.0' in text
    assert 'books_api_request_seconds_count{route="/books/{book_id}"}' in text
    assert count_series(text, "books_api_requests_total") <= 5


def test_a_service_with_an_admin_port_has_neither_health_nor_metrics_on_its_own() -> None:
    app = create_app()
    remove_own_routes(app)
    with TestClient(app) as client:
        assert client.get("/books/1").status_code == 200
        for path in ("/health/live", "/health/ready", "/metrics"):
            assert client.get(path).status_code == 404, path


def test_names_follow_prometheus() -> None:
    for family in METRICS.values():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", family.name), family.name
        assert (family.type is MetricType.COUNTER) == family.name.endswith("_total"), family.name
        assert (family.unit == "seconds") == ("_seconds" in family.name), family.name
        assert bool(family.buckets) == (family.type is MetricType.HISTOGRAM), family.name
        assert not {"le", "quantile", "instance", "job"} & set(family.labels), family.name
