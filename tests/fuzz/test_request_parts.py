"""The functions that read what strangers send: they never fail, and both lanes read a target the same way."""

from ipaddress import ip_address
from urllib.parse import unquote

import httptools
from hypothesis import example, given
from hypothesis import strategies as st
from tests.fuzz.profile import PROFILE

from gateway.downstream.strictness import find_violation, resolve_target
from gateway.http.browser_headers import BrowserHeaders
from gateway.http.caching import is_cache_bypassed, is_refresh_requested, matches_etag, normalize_query
from gateway.http.client_address import TrustedProxies, find_scheme
from gateway.http.headers import Header, filter_request_headers, filter_response_headers
from gateway.http.network_key import build_network_key
from gateway.http.request_head import RequestHead
from gateway.routing.match import match_path, match_target

NAMES = (
    b"host",
    b"connection",
    b"content-length",
    b"transfer-encoding",
    b"x-forwarded-for",
    b"x-forwarded-proto",
    b"forwarded",
    b"cache-control",
    b"if-none-match",
    b"cookie",
    b"origin",
    b"authorization",
    b"traceparent",
    b"x-request-id",
    b"location",
    b"link",
    b"vary",
)
"""Every header that the gateway reads."""
PIECES = (
    *(
        b"for=",
        b"proto=https",
        b'"',
        b"\\",
        b";",
        b",",
        b"=",
        b" ",
        b"\t",
        b"[",
        b"]",
        b":",
        b"_hidden",
        b"unknown",
    ),
    *(
        b"203.0.113.9",
        b"2001:db8::1",
        b"::ffff:10.0.0.1",
        b"10.0.0.1",
        b":80",
        b"%eth0",
        b"/",
        b"//",
        b"<",
        b">",
    ),
    *(
        b"http://",
        b"https:",
        b"127.0.0.1",
        b"no-store",
        b"max-age=0",
        b"*",
        b"W/",
        b"chunked",
        b"close",
        b"\xff",
    ),
)
values = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=8).map(b"".join),
    st.binary(max_size=30).map(lambda value: bytes(byte for byte in value if byte not in b"\r\n\x00")),
)
headers = st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=6)
targets = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"/v1",
                b"/books",
                b"/",
                b"//",
                b"..",
                b".",
                b"%2e",
                b"%2F",
                b"%00",
                b"%",
                b"%C3%A9",
                b"%ff",
                b";",
                b"?",
            ]
        ),
        st.sampled_from(
            [b"&", b"=", b"+", b"a", b"search", b"export", b"#", b"\\", b"@", b":8080", b"http://x"]
        ),
        st.binary(min_size=1, max_size=2),
    ),
    max_size=8,
).map(lambda parts: b"/v1/books" + b"".join(parts))
OURS = TrustedProxies(["10.0.0.0/8", "fd00::/8"])


class TargetParser:
    """What uvicorn gets from a request with that target; None when it is no valid request."""

    def __init__(self) -> None:
        self.url, self.is_complete = b"", False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_message_complete(self) -> None:
        self.is_complete = True

    def parse(self, target: bytes) -> tuple[str, bytes] | None:
        try:
            httptools.HttpRequestParser(self).feed_data(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % target)
            parsed = httptools.parse_url(self.url)
        except (httptools.HttpParserError, httptools.HttpParserInvalidURLError):
            return None
        if not self.is_complete or self.url != target:
            return None
        return unquote(parsed.path.decode("ascii")), parsed.query or b""


@PROFILE
@given(targets)
@example(b"/v1/books?a=%zz&b=1")
@example(b"/v1/books/%2e%2e/users")
def test_fast_path_and_asgi_read_a_target_the_same_way(target: bytes) -> None:
    fast, parsed = match_target(target), TargetParser().parse(target)
    if fast is not None:
        assert parsed is not None
        assert fast == match_path(*parsed)


@PROFILE
@given(targets)
def test_forwarded_target_stays_below_its_route(target: bytes) -> None:
    match = match_target(target)
    if match is None:
        return
    path = match.target.partition(b"?")[0]
    assert path.startswith(match.route.prefix.encode())
    assert not {b".", b".."} & set(unquote(path.decode()).encode().split(b"/"))
    assert all(0x20 < byte < 0x7F for byte in match.target)


@PROFILE
@given(headers)
@example([(b"forwarded", b'for="\\')])
def test_headers_of_strangers_are_read_without_an_error(sent: list[Header]) -> None:
    head = RequestHead(sent)
    assert head.forwarded_lines.count(b"\r\n") <= len(sent)
    assert head.build_client_lines("203.0.113.9", "https", prefix="/v1").count(b"\r\n") == 5
    assert is_cache_bypassed(sent) in (True, False)
    assert is_refresh_requested(sent) in (True, False)
    assert matches_etag(head.if_none_match, b'"x"') in (True, False)
    browser = BrowserHeaders(["https://app.example"]).build(sent, "https")
    assert all(b"\r" not in value and b"\n" not in value for _, value in browser)
    find_violation(head, b"/v1/books", "1.1")


@PROFILE
@given(headers)
def test_client_address_is_an_address_whatever_proxies_send(sent: list[Header]) -> None:
    address, scheme = OURS.find_client(sent, "10.1.1.1", "http")
    assert str(ip_address(address)) == address
    assert scheme in ("http", "https")
    assert find_scheme(sent) in ("http", "https", None)
    assert build_network_key(build_network_key(address)) == build_network_key(address)


@PROFILE
@given(headers)
def test_filtered_headers_are_filtered_no_further(sent: list[Header]) -> None:
    request, response = filter_request_headers(sent), filter_response_headers(sent, b"/v1")
    assert filter_request_headers(request) == request
    assert sorted(filter_response_headers(response, b"/v1")) == sorted(response)


@PROFILE
@given(targets, headers)
def test_resolved_target_is_a_path_or_is_refused(target: bytes, sent: list[Header]) -> None:
    absolute = b"http://shop.example" + target
    resolved = resolve_target(absolute, sent, scheme="http", is_host_needed=True)
    if resolved != absolute:
        assert resolved.startswith(b"/")
        assert all(value == b"shop.example" for name, value in sent if name == b"host")
    elif RequestHead(sent).host:
        assert find_violation(RequestHead(sent), resolved, "1.1") is not None


@PROFILE
@given(st.binary(max_size=60))
def test_normalized_query_stays_as_it_is(query: bytes) -> None:
    normal = normalize_query(bytes(byte for byte in query if byte < 0x80))
    assert normalize_query(normal.encode()) == normal
