"""HTTP/1.0 clients, which know neither chunks nor connections that stay open unasked."""

from collections.abc import Iterator

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from tests.unit.gateway.raw import RawConnection
from tests.unit.gateway.servers import OpenGateway, RunningGateway, StubServices, serve_raw_response

LINES = [b'{"id":%d}\n' % number for number in range(300)]


def stream_lines(_: Request) -> Response:
    def lines() -> Iterator[bytes]:
        yield from LINES

    return StreamingResponse(lines(), media_type="application/x-ndjson")


def send_old(wire: RawConnection, path: str, *more: str, method: str = "GET") -> None:
    wire.send(wire.build_request(method, path, *more).replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1))


def receive_all(wire: RawConnection) -> None:
    while wire.socket.recv(4_096):
        pass


@pytest.mark.parametrize("path", ["/v1/books/export", "/v1/search?q=1"])
def test_body_of_unknown_length_is_sent_plain_and_ends_with_the_connection(
    gate: RunningGateway, services: StubServices, path: str
) -> None:
    services.respond = stream_lines
    with gate.connect() as wire:
        send_old(wire, path, "Connection: keep-alive")
        status, headers = wire.read_head()
        assert (status, headers["connection"]) == (200, "close")
        assert {"transfer-encoding", "content-length"}.isdisjoint(headers)
        assert wire.read_to_end() == b"".join(LINES)


@pytest.mark.parametrize("more", [(), ("Connection: close",)])
def test_connection_closes_after_a_response_unless_the_client_asked(
    gate: RunningGateway, more: tuple[str, ...]
) -> None:
    with gate.connect() as wire:
        send_old(wire, "/v1/books", *more)
        answer = wire.read_response()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert wire.read_to_end() == b""


def test_connection_stays_open_when_the_client_asks_and_the_length_is_known(gate: RunningGateway) -> None:
    with gate.connect() as wire:
        for method in ("GET", "HEAD", "GET"):
            send_old(
                wire,
                "/health/live" if method == "GET" else "/v1/books",
                "Connection: Keep-Alive",
                method=method,
            )
            answer = wire.read_response(has_body=method == "GET")
            assert answer.headers["connection"] == "keep-alive"
            assert "transfer-encoding" not in answer.headers


def test_old_client_gets_no_100_continue(gate: RunningGateway, services: StubServices) -> None:
    with gate.connect() as wire:
        send_old(wire, "/v1/books/x", "Content-Length: 3", "Expect: 100-continue", method="PUT")
        wire.send(b"abc")
        assert wire.read_head()[0] == 200


def test_host_is_optional_and_comes_from_an_absolute_target(
    gate: RunningGateway, services: StubServices
) -> None:
    with gate.connect() as wire:
        send_old(wire, "http://shop.example/v1/search")
        assert wire.read_response().status == 200
    assert services.last_request.headers["x-forwarded-host"] == "shop.example"
    with gate.connect() as wire:
        wire.send(b"GET /health/live HTTP/1.0\r\n\r\n")
        assert wire.read_response().status == 200


def test_truncated_response_does_not_look_complete(door: OpenGateway) -> None:
    broken = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"
    with serve_raw_response(broken) as service:
        client = door(service)
        token = client.headers["Authorization"].removeprefix("Bearer ")
        with RawConnection(str(client.base_url), token) as wire:
            send_old(wire, "/v1/books/export")
            with pytest.raises(ConnectionResetError):
                receive_all(wire)


def test_refusal_of_an_old_request_has_a_length_and_closes(gate: RunningGateway) -> None:
    with gate.connect() as wire:
        wire.send(b"GET /v1/books HTTP/1.0\r\n\r\n")
        answer = wire.read_response()
        assert (answer.status, answer.headers["connection"]) == (401, "close")
        assert wire.read_to_end() == b""


def test_json_answer_to_an_old_client_equals_that_to_a_new_one(
    gate: RunningGateway, services: StubServices
) -> None:
    services.respond = lambda _: JSONResponse({"n": 1})
    with gate.connect() as wire:
        send_old(wire, "/v1/books", "Connection: keep-alive")
        old = wire.read_response()
        wire.send(wire.build_get("/v1/books"))
        assert old.body == wire.read_response().body
