"""Compressed responses of both lanes, cached or not, and HEAD."""

import zlib

import brotli
import pytest
import zstandard
from starlette.responses import JSONResponse, Response, StreamingResponse
from tests.unit.gateway.raw import RawConnection, RawResponse
from tests.unit.gateway.servers import RunningGateway, StubServices

BOOKS = {"items": [{"title": f"Book {number}"} for number in range(200)]}
PLAIN = JSONResponse(BOOKS).body
ENCODINGS = ["zstd", "br", "gzip"]


def decompress(answer: RawResponse) -> bytes:
    encoding = answer.headers["content-encoding"]
    if encoding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(answer.body)
    return bytes(brotli.decompress(answer.body)) if encoding == "br" else zlib.decompress(answer.body, 31)


def get(wire: RawConnection, path: str, *lines: str) -> RawResponse:
    wire.send(wire.build_get(path, *lines))
    return wire.read_response()


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("path", ["/v1/books", "/v1/search"])
def test_response_is_compressed_for_a_client_that_accepts_it(
    gate: RunningGateway, services: StubServices, path: str, encoding: str
) -> None:
    services.respond = lambda _: JSONResponse(BOOKS)
    with gate.connect() as wire:
        for _ in range(3):  # a miss by ASGI, then the fast path
            answer = get(wire, path, f"Accept-Encoding: {encoding}")
            assert decompress(answer) == PLAIN
            assert len(answer.body) < len(PLAIN) / 3
            assert answer.headers["vary"] == "accept-encoding"
            plain = get(wire, path)
            assert (plain.body, plain.headers["vary"]) == (PLAIN, "accept-encoding")
            assert "content-encoding" not in plain.headers
    assert all("accept-encoding" not in request.headers for request in services.requests)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_streamed_response_is_compressed(gate: RunningGateway, services: StubServices, encoding: str) -> None:
    line = b'{"title": "A Light in the Attic"}\n'
    services.respond = lambda _: StreamingResponse(iter([line] * 5_000), media_type="application/x-ndjson")
    with gate.connect() as wire:
        for path in ("/v1/books/export", "/v1/books/export", "/v1/books?large"):
            answer = get(wire, path, f"Accept-Encoding: {encoding}")
            assert decompress(answer) == line * 5_000


@pytest.mark.parametrize(
    "response",
    [
        JSONResponse({"short": True}),
        Response(b"\x89PNG" * 1_000, media_type="image/png"),
        Response(b"x" * 5_000, media_type="text/plain", headers={"Cache-Control": "no-transform"}),
        Response(
            zlib.compress(PLAIN), media_type="application/json", headers={"Content-Encoding": "deflate"}
        ),
    ],
)
def test_response_that_gains_nothing_or_must_not_change_is_sent_as_it_is(
    gate: RunningGateway, services: StubServices, response: Response
) -> None:
    services.respond = lambda _: response
    with gate.connect() as wire:
        for path in ("/v1/books", "/v1/books", "/v1/search"):
            answer = get(wire, path, "Accept-Encoding: gzip, br, zstd")
            assert answer.body == response.body
            assert answer.headers.get("content-encoding") == response.headers.get("content-encoding")


def test_compressed_form_is_revalidated_by_its_own_etag(gate: RunningGateway, services: StubServices) -> None:
    services.respond = lambda _: JSONResponse(BOOKS, headers={"ETag": '"v1"'})
    with gate.connect() as wire:
        for lane in range(2):
            etag = get(wire, "/v1/books", "Accept-Encoding: br").headers["etag"]
            assert etag == '"v1;br"', lane
            again = get(wire, "/v1/books", "Accept-Encoding: br", f"If-None-Match: {etag}")
            assert (again.status, again.headers["etag"]) == (304, '"v1;br"')
            plain = get(wire, "/v1/books", f"If-None-Match: {etag}")
            assert (plain.status, plain.headers["etag"]) == (304, '"v1"')


def test_write_names_the_services_etag(gate: RunningGateway, services: StubServices) -> None:
    with gate.connect() as wire:
        lines = ('If-Match: "v1;zstd"', "Content-Length: 2")
        wire.send(wire.build_request("PUT", "/v1/books/x", *lines) + b"{}")
        assert wire.read_response().status == 200
    assert services.last_request.headers["if-match"] == '"v1"'


@pytest.mark.parametrize("path", ["/v1/books", "/v1/search", "/v1/users/me", "/health/live", "/docs"])
def test_head_has_the_headers_of_get_and_no_body(
    gate: RunningGateway, services: StubServices, path: str
) -> None:
    services.respond = lambda _: JSONResponse(BOOKS)
    with gate.connect() as wire:
        expected = get(wire, path)
        for _ in range(2):
            wire.send(wire.build_request("HEAD", path))
            answer = wire.read_response(has_body=False)
            assert answer.status == expected.status == 200
            for name in ("content-type", "content-length", "etag", "cache-control"):
                assert answer.headers.get(name) == expected.headers.get(name)
        assert get(wire, path).status == 200


def test_head_of_a_long_export_ends_the_request_to_the_service(
    gate: RunningGateway, services: StubServices
) -> None:
    services.respond = lambda _: StreamingResponse(b"x" * 65_536 for _ in range(100_000))
    with gate.connect() as wire:
        wire.send(wire.build_request("HEAD", "/v1/books/export"))
        assert wire.read_response(has_body=False).status == 200
        assert get(wire, "/health/live").status == 200
