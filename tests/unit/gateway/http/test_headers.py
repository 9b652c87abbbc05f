import pytest

from gateway.http.headers import (
    PROTECTIVE_HEADERS,
    Header,
    filter_request_headers,
    filter_response_headers,
    is_valid_request_id,
    parse_lines,
    strip_origin,
    validate_host,
)
from gateway.http.request_head import RequestHead, build_identity_lines


def group_values(headers: list[Header]) -> dict[bytes, bytes]:
    return dict(headers)


@pytest.mark.parametrize(
    "name",
    [
        b"x-user-id",
        b"x-internal-token",
        b"x-forwarded-for",
        b"forwarded",
        b"x_user_id",
        b"authorization",
        b"cookie",
        b"x-api-key",
        b"traceparent",
        b"transfer-encoding",
        b"te",
        b"expect",
        b"x-hop",
    ],
)
def test_reserved_headers_of_clients_are_dropped(name: bytes) -> None:
    sent = [(b"connection", b"close, X-Hop"), (name, b"evil"), (b"accept", b"*/*")]
    received = filter_request_headers(sent)
    assert b"evil" not in group_values(received).values()
    assert group_values(received)[b"accept"] == b"*/*"


def test_service_receives_client_and_identity_headers() -> None:
    head = RequestHead([(b"host", b"shop.example")])
    received = group_values(
        parse_lines(
            head.build_client_lines("::1", "https", prefix="/v1")
            + build_identity_lines(b"token", b"r1", b"00-a-b-01")
        )
    )
    assert received[b"forwarded"] == b'for="[::1]";host="shop.example";proto=https'
    assert received[b"x-forwarded-for"] == b"::1"
    assert received[b"x-forwarded-prefix"] == b"/v1"
    assert (received[b"x-request-id"], received[b"x-internal-token"]) == (b"r1", b"token")
    assert (received[b"traceparent"], received[b"x-forwarded-host"]) == (b"00-a-b-01", b"shop.example")


def test_response_headers_are_filtered_and_get_public_paths() -> None:
    sent = [
        (b"connection", b"x-hop"),
        (b"x-hop", b"1"),
        (b"x-internal-note", b"1"),
        (b"server", b"s"),
        (b"location", b"/books/x"),
        (b"link", b'</books?cursor=a>; rel="next", <https://else.example/>; rel="x"'),
    ]
    assert filter_response_headers(sent, b"/v1") == [
        (b"location", b"/v1/books/x"),
        (b"link", b'</v1/books?cursor=a>; rel="next", <https://else.example/>; rel="x"'),
        *PROTECTIVE_HEADERS,
    ]


@pytest.mark.parametrize("location", [b"https://else.example/books", b"//else.example/", b"/v1/books"])
def test_foreign_location_is_left_unchanged(location: bytes) -> None:
    assert filter_response_headers([(b"location", location)], b"/v1")[0] == (b"location", location)


@pytest.mark.parametrize(
    "origin",
    [
        b"http://127.0.0.1:8081",
        b"http://[::1]:8081",
        b"//10.0.0.7",
        b"HTTP://books-api:8081",
        b"http://books-api.shop.svc",
        b"https://books.internal.",
        b"http://user@localhost",
    ],
)
@pytest.mark.parametrize("path", [b"/books/x", b""])
def test_location_at_an_inner_host_becomes_a_public_path(origin: bytes, path: bytes) -> None:
    sent = [(b"location", origin + path), (b"link", b"<%b%b>; rel=next" % (origin, path))]
    public = b"/v1" + (path or b"/")
    assert filter_response_headers(sent, b"/v1")[:2] == [
        (b"location", public),
        (b"link", b"<%b>; rel=next" % public),
    ]


@pytest.mark.parametrize(
    "path", [b"//else.example/x", b"/\\\\else.example/x", b"\\\\/else.example/x", b"///else.example/x"]
)
def test_path_at_an_inner_host_names_no_other_host(path: bytes) -> None:
    sent = [(b"location", b"http://books-api:8081" + path)]
    assert filter_response_headers(sent, b"/v1")[0] == (b"location", b"/v1/else.example/x")


def test_address_at_the_service_itself_becomes_its_path() -> None:
    assert strip_origin(b"https://Books.Example/api/books/x", b"books.example", b"/api") == b"/books/x"
    assert strip_origin(b"https://else.example/api/books/x", b"books.example", b"/api").startswith(b"https:")


def test_unsafe_host_and_request_id_are_dropped() -> None:
    assert validate_host(b'a";evil="') == ""
    assert not is_valid_request_id(b"a\x7fb")
    assert is_valid_request_id(b"abc-1")
