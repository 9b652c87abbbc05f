"""What a gateway must never get wrong about HTTP/1.1, said in bytes."""

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tests.unit.gateway.servers import Gateway, TinyServices, gateway

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
    "an absolute target": (b"GET http://else.example/v1/books HTTP/1.1\r\n", b"\r\n"),
    "a target with a fragment": (b"GET /v1/books#x HTTP/1.1\r\n", b"\r\n"),
    "no such version": (b"GET /v1/books HTTP/1.9\r\n", b"\r\n"),
    "a chunk size that is none": (POST, b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"),
    "nonsense": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b""),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_what_can_be_read_in_two_ways_is_refused_and_the_connection_closed(
    gate: Gateway, services: TinyServices, name: str
) -> None:
    line, rest = AMBIGUOUS[name]
    with gate.wire() as wire:
        wire.send(line + wire.lines + rest + wire.get("/v1/search?after"))
        answer = wire.answer()
        assert (answer.status, answer.headers.get("connection")) == (400, "close")
        assert answer.headers["content-type"] == "application/problem+json"
        assert wire.rest() == b""
    assert "after" not in [request.url.query for request in services.requests]


@pytest.mark.parametrize("target", ["/v1/books/a b", "/v1/books/\x7f", "/v1/books/\u00e9", "/v1/books/a\tb"])
def test_a_target_that_the_parser_refuses_is_refused_after_known_headers_too(
    gate: Gateway, services: TinyServices, target: str
) -> None:
    with gate.wire() as wire:
        for _ in range(2):
            wire.send(wire.get("/v1/books"))
            assert wire.answer().status == 200
        wire.send(wire.get("X").replace(b"X", target.encode("latin-1"), 1))
        assert wire.answer().status == 400
        assert wire.rest() == b""


@pytest.mark.parametrize("name", ["length and chunks", "a second host", "an absolute target", "nonsense"])
def test_a_bad_request_does_not_take_the_answer_of_the_one_before_it(
    gate: Gateway, services: TinyServices, name: str
) -> None:
    seen: list[bytes] = []

    def take(request: Request) -> Response:
        seen.append(request._body)
        return JSONResponse({"answer": "first"})

    services.answer = take
    line, rest = AMBIGUOUS[name]
    with gate.wire() as wire:
        good = wire.request("PUT", "/v1/books/x", "Content-Length: 3") + b"abc"
        wire.send(good + line + wire.lines + rest + b"smuggled")
        assert wire.answer().body == b'{"answer":"first"}'
        assert wire.rest() == b""
    assert seen == [b"abc"]


def test_a_request_without_a_host_is_refused(gate: Gateway) -> None:
    with gate.wire() as wire:
        wire.send(b"GET /v1/books HTTP/1.1\r\n\r\n")
        assert wire.answer().status == 400


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /v1/books?q=" + b"x" * 40_000, 414),
        (b"GET /v1/books HTTP/1.1\r\nX-Long: " + b"x" * 40_000, 431),
        (b"GET /v1/books HTTP/1.1\r\n" + b"X-A: b\r\n" * 5_000, 431),
    ],
)
def test_a_head_without_end_is_refused(gate: Gateway, head: bytes, status: int) -> None:
    with gate.wire() as wire:
        wire.send(head)
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (status, "close")


def test_a_body_that_is_too_large_is_refused_while_it_is_sent(gate: Gateway) -> None:
    with gate.wire() as wire:
        wire.send(wire.request("PUT", "/v1/books/x", "Transfer-Encoding: chunked"))
        wire.send(b"3e8\r\n" + b"x" * 1_000 + b"\r\n1\r\nx\r\n")
        assert wire.answer().status == 413
        wire.rest()


def test_a_head_that_comes_too_slowly_is_given_up(settings: Settings, services: TinyServices) -> None:
    with gateway(settings, ConnectionLimits(head_seconds=0.3)) as gate, gate.wire() as wire:
        wire.send(b"GET /v1/books HTTP/1.1\r\nHost:")
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert wire.rest() == b""


def test_a_connection_that_stays_silent_is_closed(settings: Settings, services: TinyServices) -> None:
    with gateway(settings, ConnectionLimits(idle_seconds=0.3)) as gate, gate.wire() as wire:
        wire.send(wire.get("/v1/search"))
        assert wire.answer().status == 200
        assert wire.rest() == b""


def test_a_head_in_single_bytes_is_read_like_any_other(gate: Gateway) -> None:
    with gate.wire() as wire:
        for byte in wire.get("/v1/search?q=x"):
            wire.send(bytes([byte]))
        assert wire.answer().status == 200


def test_pipelined_requests_are_answered_in_their_order_whichever_lane_they_take(
    gate: Gateway, services: TinyServices
) -> None:
    services.answer = lambda request: JSONResponse({"q": request.url.query, "m": request.method})
    with gate.wire() as wire:
        wire.send(wire.get("/v1/search?warm"))
        wire.answer()
        asked = []
        for n in range(60):
            kind = n % 4
            path = "/v1/books?" if kind == 0 else "/v1/search?"
            method = "HEAD" if kind == 2 else "DELETE" if kind == 3 else "GET"
            asked.append((wire.request(method, f"{path}n={n}"), method, n))
        wire.send(b"".join(request for request, _, _ in asked))
        for _, method, n in asked:
            answer = wire.answer(has_body=method != "HEAD")
            assert answer.status == 200
            if method != "HEAD":
                assert answer.body == b'{"q":"n=%d","m":"%b"}' % (n, method.encode())
    assert len(services.requests) == 61


def test_a_request_split_anywhere_among_pipelined_ones_is_answered_once(
    gate: Gateway, services: TinyServices
) -> None:
    with gate.wire() as wire:
        wire.send(wire.get("/v1/search?warm"))
        wire.answer()
        two = wire.get("/v1/search?a") + wire.get("/v1/search?b")
        for cut in range(1, len(two), 7):
            wire.send(two[:cut])
            wire.send(two[cut:])
            assert [wire.answer().status for _ in range(2)] == [200, 200]
    assert len(services.requests) == 1 + 2 * len(range(1, len(two), 7))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [200, 204, 304])
def test_an_answer_without_a_body_has_none_and_the_next_one_follows(
    gate: Gateway, services: TinyServices, method: str, status: int
) -> None:
    body = b"body" if status == 200 else b""
    services.answer = lambda _: Response(body, status)
    with gate.wire() as wire:
        for _ in range(2):
            wire.send(wire.request(method, "/v1/search"))
            answer = wire.answer(has_body=method == "GET")
            assert (answer.status, answer.body) == (status, body if method == "GET" else b"")


def test_a_client_that_waits_for_a_go_ahead_gets_it(gate: Gateway, services: TinyServices) -> None:
    with gate.wire() as wire:
        wire.send(wire.request("PUT", "/v1/books/x", "Content-Length: 3", "Expect: 100-continue"))
        assert wire.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.send(b"abc")
        assert wire.answer().status == 200
    assert "expect" not in services.last.headers


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_headers_that_the_connection_header_names_end_here(
    gate: Gateway, services: TinyServices, method: str
) -> None:
    lines = ("Connection: keep-alive, X-Secret", "X-Secret: 1", "Keep-Alive: 5", "TE: trailers", "X-Other: 2")
    with gate.wire() as wire:
        for _ in range(2):
            wire.send(wire.request(method, "/v1/search", *lines))
            assert wire.answer().status == 200
            seen = services.last.headers
            assert {"x-secret", "keep-alive", "te"}.isdisjoint(seen)
            assert seen["x-other"] == "2"


@pytest.mark.parametrize(
    "name", ["X-User-Id", "x-user-ID", "X_USER_ID", "X-Internal-Token", "X-FORWARDED-FOR"]
)
def test_identity_can_not_be_brought_along(gate: Gateway, services: TinyServices, name: str) -> None:
    with gate.wire() as wire:
        for _ in range(2):  # the second takes the fast lane
            wire.send(wire.get("/v1/search", f"{name}: evil"))
            assert wire.answer().status == 200
            assert "evil" not in services.last.headers.values()
            assert services.last_role() == "admin"


def test_a_connection_that_is_to_be_closed_is(gate: Gateway) -> None:
    with gate.wire() as wire:
        wire.send(wire.get("/v1/search"))
        wire.answer()
        wire.send(wire.get("/v1/search", "Connection: close") + wire.get("/v1/search?after"))
        assert wire.answer().headers["connection"] == "close"
        assert wire.rest() == b""


def test_a_service_sees_as_many_requests_as_the_client_sent(gate: Gateway, services: TinyServices) -> None:
    """A body that looks like a request stays a body."""
    seen: list[bytes] = []

    def take(request: Request) -> Response:
        seen.append(request._body)
        return JSONResponse({})

    services.answer = take
    with gate.wire() as wire:
        inner = wire.get("/v1/users")
        for _ in range(3):
            wire.send(wire.request("PUT", "/v1/books/x", f"Content-Length: {len(inner)}") + inner)
            assert wire.answer().status == 200
        chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(inner), inner)
        wire.send(wire.request("PUT", "/v1/books/x", "Transfer-Encoding: chunked") + chunked)
        assert wire.answer().status == 200
    assert seen == [inner] * 4


def test_the_answers_of_both_lanes_say_the_same_of_themselves(gate: Gateway) -> None:
    with gate.wire() as wire:
        wire.send(wire.get("/v1/books"))
        wire.answer()
        found = []
        for more in ((), ("X-Slow: 1", "Content-Length: 0")):
            wire.send(wire.get("/v1/books", *more))
            found.append(wire.answer().headers)
    fast, slow = found
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
def test_a_trace_goes_on_through_the_gateway(
    gate: Gateway, services: TinyServices, more: tuple[str, ...]
) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with gate.wire() as wire:
        for _ in range(2):
            wire.send(wire.get("/v1/search", f"Traceparent: 00-{trace}-00f067aa0ba902b7-01", *more))
            answer = wire.answer()
            seen = services.last.headers["traceparent"]
            assert seen == answer.headers["traceparent"]
            assert (seen[:36], seen[-2:]) == (f"00-{trace}-", "01")
            assert "00f067aa0ba902b7" not in seen
        wire.send(wire.get("/v1/search", "Traceparent: 00-0-0-01", *more))
        assert len(wire.answer().headers["traceparent"]) == 55
