import pytest

from gateway.http.headers import (
    Header,
    filter_request_headers,
    filter_response_headers,
    is_valid_request_id,
    parse_lines,
    validate_host,
)
from gateway.http.request_head import RequestHead, build_identity_lines


def named(headers: list[Header]) -> dict[bytes, bytes]:
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
def test_what_only_the_gateway_may_say_is_not_taken_from_a_client(name: bytes) -> None:
    sent = [(b"connection", b"close, X-Hop"), (name, b"evil"), (b"accept", b"*/*")]
    received = filter_request_headers(sent)
    assert b"evil" not in named(received).values()
    assert named(received)[b"accept"] == b"*/*"


def test_a_service_is_told_who_asked_and_how() -> None:
    head = RequestHead([(b"host", b"shop.example")])
    received = named(
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


def test_a_client_gets_no_internal_headers_and_public_addresses() -> None:
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
    ]


@pytest.mark.parametrize("location", [b"https://else.example/books", b"//else.example/", b"/v1/books"])
def test_an_address_that_is_not_the_services_own_is_left_alone(location: bytes) -> None:
    assert filter_response_headers([(b"location", location)], b"/v1") == [(b"location", location)]


def test_a_host_or_request_id_that_would_break_a_header_is_dropped() -> None:
    assert validate_host(b'a";evil="') == ""
    assert not is_valid_request_id(b"a\x7fb")
    assert is_valid_request_id(b"abc-1")
