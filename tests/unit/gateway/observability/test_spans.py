"""Spans of requests: below the client's own, equal to what services receive, and only of sampled traces."""

from threading import Event

import httpx
import pytest
from tests.unit.gateway.servers import RunningGateway, StubServices

from bookcore.kit.tracing.context import SpanContext
from bookcore.kit.tracing.span import Span, SpanKind
from gateway.observability.spans import create_span_recorder

CLIENT = SpanContext("a" * 32, "b" * 16, is_sampled=True)


def send(gate: RunningGateway, method: str, path: str, context: SpanContext = CLIENT) -> list[Span]:
    """The spans of two requests within the client's span; one is recorded after its response."""
    spans: list[Span] = []
    recorder = gate.app.state.downstream.recorder
    recorder.log, recorder.spans = None, create_span_recorder(spans.append)
    headers = {"Authorization": f"Bearer {gate.token}", "traceparent": context.traceparent}
    for _ in range(2):  # the second one is of a cached caller
        httpx.request(method, gate.address + path, headers=headers, trust_env=False)
    pause = Event()
    for _ in range(1_000 if context.is_sampled else 10):
        if len(spans) == 2:
            break
        pause.wait(0.01)
    return spans


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", "/v1/books?limit=1", "/books"),
        ("GET", "/v1/users/me", "own"),
        ("PUT", "/v1/books/1", "/books"),
    ],
)
def test_a_request_is_a_span_below_the_one_of_its_client(
    gate: RunningGateway, services: StubServices, method: str, path: str, route: str
) -> None:
    spans = send(gate, method, path)
    assert [(span.name, span.kind, span.parent) for span in spans] == [
        (f"{method} {route}", SpanKind.SERVER, CLIENT)
    ] * 2
    assert {span.context.trace_id for span in spans} == {CLIENT.trace_id}
    assert {span.attributes["http.response.status_code"] for span in spans} == {200}
    assert all("?" not in str(span.attributes["url.path"]) for span in spans)
    assert all(span.began < span.ended for span in spans)


def test_services_are_told_of_the_gateways_span(gate: RunningGateway, services: StubServices) -> None:
    spans = send(gate, "PUT", "/v1/books/1")
    assert services.last_request.headers["traceparent"] == spans[-1].context.traceparent


def test_a_request_of_an_unsampled_trace_is_no_span(gate: RunningGateway, services: StubServices) -> None:
    unsampled = SpanContext("a" * 32, "b" * 16, is_sampled=False)
    assert send(gate, "GET", "/v1/books?limit=2", unsampled) == []
