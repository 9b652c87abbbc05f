"""HTTP/1.1 strictness of the gateway, tested with raw bytes."""

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tests.unit.gateway.servers import RunningGateway, StubServices, run_gateway

from gateway.downstream.context import ConnectionLimits
from gateway.settings import Settings

HEAD = b"GET /v1/books HTTP/1.1\r\n"
POST = b"POST /v1/books HTTP/1.1\r\n"
AMBIGUOUS = {
    "length and chunks": (POST, b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "chunks and length": (POST, b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
    "two lengths": (POST, b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
    "two equal lengths": (POST, b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    "a list of lengths": (POST, b"Content-Length: 3, 3\r\n\r\nabc"),
    "a signed length": (POST, b"Content-Length: +3\r\n\r\nabc"),
    "a hexadecimal length": (POST, b"Content-Length: 0x3\r\n\r\nabc"),
    "an unknown coding": (POST, b"Transfer-Encoding: xchunked\r\n\r\n"),
    "two codings": (POST, b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "a coding twice": (POST, b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "a folded header": (HEAD, b"X-Long: a\r\n b\r\n\r\n"),
    "a bare line feed": (HEAD, b"X-A: b\n\r\n"),
    "line feeds only": (b"GET /v1/books HTTP/1.1\n", b"\n"),
    "a bare carriage return": (HEAD, b"X-A: b\rX-B: c\r\n\r\n"),
    "a NUL in a value": (HEAD, b"X-A: b\x00c\r\n\r\n"),
    "a NUL in a name": (HEAD, b"X-\x00A: b\r\n\r\n"),
    "a space before the colon": (HEAD, b"X-A : b\r\n\r\n"),
    "a second host": (HEAD, b"Host: else.example\r\n\r\n"),
    "an absolute target of another scheme": (b"GET https://shop.example/v1/books HTTP/1.1\r\n", b"\r\n"),
    "an absolute target of no web scheme": (b"GET ftp://shop.example/v1/books HTTP/1.1\r\n", b"\r\n"),
    "an absolute target with a user": (b"GET http://u@shop.example/v1/books HTTP/1.1\r\n", b"\r\n"),
    "an absolute target with a fragment": (b"GET http://shop.example/v1/books#x HTTP/1.1\r\n", b"\r\n"),
    "an absolute target with a backslash": (b"GET http://shop.example\\v1/books HTTP/1.1\r\n", b"\r\n"),
    "an absolute target and two hosts": (
        b"GET http://shop.example/v1/books HTTP/1.1\r\n",
        b"Host: shop.example\r\n\r\n",
    ),
    "an authority for a target": (b"CONNECT shop.example:80 HTTP/1.1\r\n", b"\r\n"),
    "an asterisk for a target": (b"OPTIONS * HTTP/1.1\r\n", b"\r\n"),
    "chunks in HTTP/1.0": (
        b"POST /v1/books HTTP/1.0\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "a target with a fragment": (b"GET /v1/books#x HTTP/1.1\r\n", b"\r\n"),
    "no such version": (b"GET /v1/books HTTP/1.9\r\n", b"\r\n"),
    "a chunk size that is none": (POST, b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"),
    "nonsense": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b""),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_ambiguous_requests_are_refused_and_the_connection_closes(
    gate: RunningGateway, services: StubServices, name: str
) -> None:
    line, rest = AMBIGUOUS[name]
    with gate.connect() as wire:
        wire.send(line + wire.lines + rest + wire.build_get("/v1/search?after"))
        answer = wire.read_response()
        assert (answer.status, answer.headers.get("connection")) == (400, "close")
        assert answer.headers["content-type"] == "application/problem+json"
        assert wire.read_to_end() == b""
    assert "after" not in [request.url.query for request in services.requests]


@pytest.mark.parametrize("target", ["/v1/books/a b", "/v1/books/\x7f", "/v1/books/\u00e9", "/v1/books/a\tb"])
def test_invalid_target_is_refused_after_cached_headers_too(
    gate: RunningGateway, services: StubServices, target: str
) -> None:
    with gate.connect() as wire:
        for _ in range(2):
            wire.send(wire.build_get("/v1/books"))
            assert wire.read_response().status == 200
        wire.send(wire.build_get("X").replace(b"X", target.encode("latin-1"), 1))
        assert wire.read_response().status == 400
        assert wire.read_to_end() == b""


@pytest.mark.parametrize(
    "name", ["length and chunks", "a second host", "an asterisk for a target", "nonsense"]
)
def test_bad_request_does_not_receive_the_response_of_the_previous_request(
    gate: RunningGateway, services: StubServices, name: str
) -> None:
    received: list[bytes] = []

    def take(request: Request) -> Response:
        received.append(request._body)
        return JSONResponse({"answer": "first"})

    services.respond = take
    line, rest = AMBIGUOUS[name]
    with gate.connect() as wire:
        good = wire.build_request("PUT", "/v1/books/x", "Content-Length: 3") + b"abc"
        wire.send(good + line + wire.lines + rest + b"smuggled")
        assert wire.read_response().body == b'{"answer":"first"}'
        assert wire.read_to_end() == b""
    assert received == [b"abc"]


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        ("http://shop.example/v1/books?q=1", "shop.example", "/books?q=1"),
        ("HTTP://Else.example:8080/v1/books", "Else.example:8080", "/books"),
        ("http://[2001:db8::1]:80/v1/books?", "[2001:db8::1]:80", "/books"),
    ],
)
def test_authority_of_an_absolute_target_is_the_host(
    gate: RunningGateway, services: StubServices, method: str, target: str, host: str, path: str
) -> None:
    with gate.connect() as wire:
        for _ in range(2):
            wire.send(wire.build_request(method, target, *(["Content-Length: 0"] if method == "PUT" else [])))
            assert wire.read_response().status == 200
    received = services.last_request
    assert received.headers["x-forwarded-host"] == host
    assert str(received.url).removeprefix(str(received.base_url).rstrip("/")) == path


@pytest.mark.parametrize(
    ("target", "status"), [("http://shop.example", 200), ("http://shop.example?q=/v1/books", 200)]
)
def test_absolute_target_without_a_path_means_the_root(
    gate: RunningGateway, target: str, status: int
) -> None:
    with gate.connect() as wire:
        wire.send(wire.build_get(target))
        assert wire.read_response().status == status


def test_absolute_target_replaces_no_missing_host(gate: RunningGateway) -> None:
    with gate.connect() as wire:
        wire.send(b"GET http://shop.example/v1/books HTTP/1.1\r\n\r\n")
        assert wire.read_response().status == 400


def test_request_without_a_host_is_refused(gate: RunningGateway) -> None:
    with gate.connect() as wire:
        wire.send(b"GET /v1/books HTTP/1.1\r\n\r\n")
        assert wire.read_response().status == 400


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /v1/books?q=" + b"x" * 40_000, 414),
        (b"GET /v1/books HTTP/1.1\r\nX-Long: " + b"x" * 40_000, 431),
        (b"GET /v1/books HTTP/1.1\r\n" + b"X-A: b\r\n" * 5_000, 431),
    ],
)
def test_endless_request_head_is_refused(gate: RunningGateway, head: bytes, status: int) -> None:
    with gate.connect() as wire:
        wire.send(head)
        answer = wire.read_response()
        assert (answer.status, answer.headers["connection"]) == (status, "close")


def test_too_large_body_is_refused_while_it_is_sent(gate: RunningGateway) -> None:
    with gate.connect() as wire:
        wire.send(wire.build_request("PUT", "/v1/books/x", "Transfer-Encoding: chunked"))
        wire.send(b"3e8\r\n" + b"x" * 1_000 + b"\r\n1\r\nx\r\n")
        assert wire.read_response().status == 413
        wire.read_to_end()


def test_slow_request_head_times_out(settings: Settings, services: StubServices) -> None:
    with run_gateway(settings, ConnectionLimits(head_seconds=0.3)) as gate, gate.connect() as wire:
        wire.send(b"GET /v1/books HTTP/1.1\r\nHost:")
        answer = wire.read_response()
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert wire.read_to_end() == b""


def test_idle_connection_is_closed(settings: Settings, services: StubServices) -> None:
    with run_gateway(settings, ConnectionLimits(idle_seconds=0.3)) as gate, gate.connect() as wire:
        wire.send(wire.build_get("/v1/search"))
        assert wire.read_response().status == 200
        assert wire.read_to_end() == b""


def test_request_head_may_arrive_byte_by_byte(gate: RunningGateway) -> None:
    with gate.connect() as wire:
        for byte in wire.build_get("/v1/search?q=x"):
            wire.send(bytes([byte]))
        assert wire.read_response().status == 200


def test_pipelined_responses_keep_the_order_across_fast_path_and_asgi(
    gate: RunningGateway, services: StubServices
) -> None:
    services.respond = lambda request: JSONResponse({"q": request.url.query, "m": request.method})
    with gate.connect() as wire:
        wire.send(wire.build_get("/v1/search?warm"))
        wire.read_response()
        requests = []
        for n in range(60):
            kind = n % 4
            path = "/v1/books?" if kind == 0 else "/v1/search?"
            method = "HEAD" if kind == 2 else "DELETE" if kind == 3 else "GET"
            requests.append((wire.build_request(method, f"{path}n={n}"), method, n))
        wire.send(b"".join(request for request, _, _ in requests))
        for _, method, n in requests:
            answer = wire.read_response(has_body=method != "HEAD")
            assert answer.status == 200
            if method != "HEAD":
                assert answer.body == b'{"q":"n=%d","m":"%b"}' % (n, method.encode())
    assert len(services.requests) == 61


def test_pipelined_request_split_at_any_byte_is_answered_once(
    gate: RunningGateway, services: StubServices
) -> None:
    with gate.connect() as wire:
        wire.send(wire.build_get("/v1/search?warm"))
        wire.read_response()
        two = wire.build_get("/v1/search?a") + wire.build_get("/v1/search?b")
        for cut in range(1, len(two), 7):
            wire.send(two[:cut])
            wire.send(two[cut:])
            assert [wire.read_response().status for _ in range(2)] == [200, 200]
    assert len(services.requests) == 1 + 2 * len(range(1, len(two), 7))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [200, 204, 304])
def test_bodiless_response_is_followed_by_the_next_response(
    gate: RunningGateway, services: StubServices, method: str, status: int
) -> None:
    body = b"body" if status == 200 else b""
    services.respond = lambda _: Response(body, status)
    with gate.connect() as wire:
        for _ in range(2):
            wire.send(wire.build_request(method, "/v1/search"))
            answer = wire.read_response(has_body=method == "GET")
            assert (answer.status, answer.body) == (status, body if method == "GET" else b"")


def test_expect_continue_gets_100_continue(gate: RunningGateway, services: StubServices) -> None:
    with gate.connect() as wire:
        wire.send(wire.build_request("PUT", "/v1/books/x", "Content-Length: 3", "Expect: 100-continue"))
        assert wire.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.send(b"abc")
        assert wire.read_response().status == 200
    assert "expect" not in services.last_request.headers


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_headers_named_in_connection_are_not_forwarded(
    gate: RunningGateway, services: StubServices, method: str
) -> None:
    lines = ("Connection: keep-alive, X-Secret", "X-Secret: 1", "Keep-Alive: 5", "TE: trailers", "X-Other: 2")
    with gate.connect() as wire:
        for _ in range(2):
            wire.send(wire.build_request(method, "/v1/search", *lines))
            assert wire.read_response().status == 200
            received = services.last_request.headers
            assert {"x-secret", "keep-alive", "te"}.isdisjoint(received)
            assert received["x-other"] == "2"


@pytest.mark.parametrize(
    "name", ["X-User-Id", "x-user-ID", "X_USER_ID", "X-Internal-Token", "X-FORWARDED-FOR"]
)
def test_clients_cannot_set_identity_headers(gate: RunningGateway, services: StubServices, name: str) -> None:
    with gate.connect() as wire:
        for _ in range(2):  # the second takes the fast path
            wire.send(wire.build_get("/v1/search", f"{name}: evil"))
            assert wire.read_response().status == 200
            assert "evil" not in services.last_request.headers.values()
            assert services.read_last_role() == "admin"


def test_connection_close_is_honoured(gate: RunningGateway) -> None:
    with gate.connect() as wire:
        wire.send(wire.build_get("/v1/search"))
        wire.read_response()
        wire.send(wire.build_get("/v1/search", "Connection: close") + wire.build_get("/v1/search?after"))
        assert wire.read_response().headers["connection"] == "close"
        assert wire.read_to_end() == b""


def test_smuggled_request_in_a_body_stays_a_body(gate: RunningGateway, services: StubServices) -> None:
    """A body that looks like a request stays a body."""
    received: list[bytes] = []

    def take(request: Request) -> Response:
        received.append(request._body)
        return JSONResponse({})

    services.respond = take
    with gate.connect() as wire:
        inner = wire.build_get("/v1/users")
        for _ in range(3):
            wire.send(wire.build_request("PUT", "/v1/books/x", f"Content-Length: {len(inner)}") + inner)
            assert wire.read_response().status == 200
        chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(inner), inner)
        wire.send(wire.build_request("PUT", "/v1/books/x", "Transfer-Encoding: chunked") + chunked)
        assert wire.read_response().status == 200
    assert received == [inner] * 4


def test_fast_path_and_asgi_send_the_same_response_headers(gate: RunningGateway) -> None:
    with gate.connect() as wire:
        wire.send(wire.build_get("/v1/books"))
        wire.read_response()
        responses = []
        for more in ((), ("X-Slow: 1", "Content-Length: 0")):
            wire.send(wire.build_get("/v1/books", *more))
            responses.append(wire.read_response().headers)
    fast, slow = responses
    assert fast.keys() == slow.keys()
    assert fast.keys() >= {
        "x-request-id",
        "traceparent",
        "cache-status",
        "age",
        "etag",
        "ratelimit",
        "ratelimit-policy",
        "server-timing",
        "date",
    }


@pytest.mark.parametrize("more", [(), ("Content-Length: 0",)])
def test_trace_context_is_propagated(
    gate: RunningGateway, services: StubServices, more: tuple[str, ...]
) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with gate.connect() as wire:
        for _ in range(2):
            wire.send(wire.build_get("/v1/search", f"Traceparent: 00-{trace}-00f067aa0ba902b7-01", *more))
            answer = wire.read_response()
            received = services.last_request.headers["traceparent"]
            assert received == answer.headers["traceparent"]
            assert (received[:36], received[-2:]) == (f"00-{trace}-", "01")
            assert "00f067aa0ba902b7" not in received
        wire.send(wire.build_get("/v1/search", "Traceparent: 00-0-0-01", *more))
        assert len(wire.read_response().headers["traceparent"]) == 55
