"""Mutated requests on a running gateway: answers are HTTP, none is a 5xx, and it goes on serving.

A failing request is left in `findings/`; once mended, it moves to `corpus/`, which is replayed each time.
"""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.profile import PROFILE
from tests.unit.gateway.raw import RawConnection
from tests.unit.gateway.servers import RunningGateway, StubServices

FOLDER = Path(__file__).parent
CORPUS = sorted(FOLDER.glob("corpus/*.bin"))
TOKEN = b"Authorization: Bearer TOKEN\r\n"
_STATUS = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) [^\r\n]*\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
LINES = (
    *(b"GET /v1/books?a=1 HTTP/1.1", b"HEAD /v1/books HTTP/1.1", b"POST /v1/books HTTP/1.1"),
    *(b"GET http://shop.example/v1/search HTTP/1.1", b"GET /v1/books HTTP/1.0", b"OPTIONS /v1/keys HTTP/1.1"),
    *(b"GET /docs HTTP/1.1", b"POST /v1/auth/login HTTP/1.1", b"GET /v1/auth/oidc/callback?state=x HTTP/1.1"),
    *(b"PUT /v1/books/x HTTP/1.1", b"GET /v1/users/me HTTP/1.1", b"GET /%2e%2e/v1//books HTTP/1.1"),
)
FIELDS = (
    *(b"Host: shop.example", b"Host: evil", TOKEN[:-2], b"X-API-Key: bks_x", b"Content-Length: 3"),
    *(
        b"Content-Length: 0",
        b"Transfer-Encoding: chunked",
        b"Connection: close",
        b"Connection: keep-alive, x",
    ),
    *(b"Expect: 100-continue", b"Upgrade: websocket", b'Cookie: a=b; c="d; e', b"Cookie: session=%00;;=;"),
    *(b"Content-Type: application/json", b"If-None-Match: *", b"Range: bytes=0-", b"Accept-Encoding: gzip"),
    *(b"Cache-Control: no-store", b'Forwarded: for="[::1]', b"X-Forwarded-For: 1.1.1.1:1", b"Origin: null"),
    *(b"Access-Control-Request-Method: GET", b"Traceparent: 00-x", b"X-Request-Id: \xff", b"TE: trailers"),
)
BODIES = (b"", b"abc", b"{}", b"3\r\nabc\r\n0\r\n\r\n", b"0\r\n\r\n", b"\r\n", b"GET / HTTP/1.1\r\n\r\n")


@st.composite
def draw_requests(draw: st.DrawFn) -> bytes:
    """One request of known parts, with some of its bytes changed."""
    fields = [b"Host: shop.example", TOKEN[:-2], *draw(st.lists(st.sampled_from(FIELDS), max_size=5))]
    line, body = draw(st.sampled_from(LINES)), draw(st.sampled_from(BODIES))
    raw = bytearray(b"\r\n".join([line, *fields[draw(st.integers(0, 2)) :], b"", body]))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(raw) - 1))
        piece = draw(
            st.one_of(st.binary(max_size=2), st.sampled_from([b"\r\n", b"\n", b"\r", b"\x00", b" ", b":"]))
        )
        raw[at : at + draw(st.integers(0, 2))] = piece
    return bytes(raw)


def send_raw(gate: RunningGateway, raw: bytes) -> bytes:
    """All that the gateway sends within a moment of silence."""
    with RawConnection(gate.address, gate.token) as wire:
        wire.socket.settimeout(0.15)
        wire.send(raw.replace(b"TOKEN", gate.token.encode()))
        received = b""
        try:
            while data := wire.socket.recv(262_144):
                received += data
        except (TimeoutError, ConnectionError):
            pass
        return received


def find_fault(received: bytes, services: StubServices) -> str | None:
    """What no answer may contain; an incomplete one is none yet."""
    if received and not _STATUS.match(received):
        return "the answer does not begin with a status line"
    statuses = [int(status) for status in _STATUS.findall(received)]
    if any(status >= 500 for status in statuses):
        return f"statuses {statuses}"
    for request in services.requests:
        if "evil" in request.headers.get("x-internal-token", "") or "authorization" in request.headers:
            return "a service got a client's credentials"
    head = received.partition(b"\r\n\r\n")[0]
    if b"\n" in head.replace(b"\r\n", b""):
        return "a bare line feed in a head"
    return None


def check_request(gate: RunningGateway, services: StubServices, raw: bytes) -> None:
    services.requests.clear()
    fault = find_fault(send_raw(gate, raw), services)
    if fault is not None:
        (FOLDER / "findings").mkdir(exist_ok=True)
        (FOLDER / "findings" / "last.bin").write_bytes(raw)
    assert fault is None, raw


def check_life(gate: RunningGateway) -> None:
    with gate.connect() as wire:
        wire.send(wire.build_get("/v1/books"))
        assert wire.read_response().status == 200


@PROFILE
@given(raw=draw_requests())
def test_mutated_request_gets_an_answer_of_http_or_none(
    gate: RunningGateway, services: StubServices, raw: bytes
) -> None:
    check_request(gate, services, raw)
    check_life(gate)


def test_findings_of_the_past_stay_mended(gate: RunningGateway, services: StubServices) -> None:
    for path in CORPUS:
        check_request(gate, services, path.read_bytes())
    check_life(gate)


@pytest.mark.parametrize("name", ["http_0_9", "http_2_0"])
def test_corpus_holds_the_first_findings(name: str) -> None:
    assert FOLDER / "corpus" / f"{name}.bin" in CORPUS
