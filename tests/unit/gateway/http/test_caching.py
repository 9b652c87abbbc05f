import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.caching import (
    Lifetime,
    build_cache_key,
    build_strong_etag,
    build_variant_key,
    compute_lifetime,
    matches_etag,
    parse_vary,
)
from gateway.http.headers import Header

MOST = Lifetime(60, 30, 3_600)


@given(st.permutations([b"sort=price", b"category=Poetry", b"limit=5"]))
def test_parameter_order_does_not_change_the_cache_key(parts: list[bytes]) -> None:
    expected = build_cache_key("/books", b"category=Poetry&limit=5&sort=price")
    assert build_cache_key("/books", b"&".join(parts)) == expected


def test_repeated_parameters_keep_their_order_in_the_cache_key() -> None:
    assert build_cache_key("/books", b"a=1&a=2") != build_cache_key("/books", b"a=2&a=1")


def test_question_mark_in_the_path_is_not_a_query() -> None:
    assert build_cache_key("/books/x?a=1", b"") != build_cache_key("/books/x", b"a=1")


@given(st.binary(max_size=60))
def test_any_query_bytes_make_a_cache_key(query: bytes) -> None:
    assert len(build_cache_key("/books", query)) == 64


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], 60),
        ([(b"cache-control", b"max-age=5")], 5),
        ([(b"cache-control", b"max-age=500")], 60),
        ([(b"cache-control", b"max-age=5, s-maxage=7")], 7),
        ([(b"cache-control", b"no-store")], 0),
        ([(b"cache-control", b"Private")], 0),
        ([(b"cache-control", b'no-cache="x"')], 0),
        ([(b"set-cookie", b"a=b")], 0),
        ([(b"vary", b"Accept-Encoding")], 60),
        ([(b"vary", b"Accept-Encoding, Accept")], 60),
        ([(b"vary", b"*")], 0),
        ([(b"vary", b"Authorization")], 0),
        ([(b"cache-control", b"max-age=1e5")], 60),
        ([(b"content-encoding", b"gzip")], 0),
    ],
)
def test_lifetime_follows_the_response_headers(headers: list[Header], seconds: float) -> None:
    assert compute_lifetime(200, headers, limit=MOST).ttl == seconds


@pytest.mark.parametrize("status", [201, 204, 206, 304, 404, 500])
def test_only_plain_200_responses_are_cacheable(status: int) -> None:
    assert compute_lifetime(status, [], limit=MOST).ttl == 0


@pytest.mark.parametrize(
    ("cache_control", "expected"),
    [
        (b"", MOST),
        (b"max-age=5, stale-while-revalidate=7, stale-if-error=9", Lifetime(5, 7, 9)),
        (b"stale-while-revalidate=700", MOST),
        (b"max-age=5, must-revalidate", Lifetime(5, 0, 0)),
    ],
)
def test_stale_lifetimes_follow_the_response_headers(cache_control: bytes, expected: Lifetime) -> None:
    assert compute_lifetime(200, [(b"cache-control", cache_control)], limit=MOST) == expected


def test_variant_key_depends_on_the_named_headers_only() -> None:
    names = parse_vary([(b"vary", b"Accept-Language, accept"), (b"vary", b"Accept")])
    assert names == ("accept", "accept-language")
    german = build_variant_key("k", names, [(b"accept-language", b"de"), (b"x", b"1")])
    assert german == build_variant_key("k", names, [(b"accept-language", b"de"), (b"x", b"2")])
    assert german != build_variant_key("k", names, [(b"accept", b"de")])


def test_weak_etag_is_replaced_by_a_body_hash() -> None:
    assert build_strong_etag([(b"etag", b'"v1"')], b"x") == b'"v1"'
    assert build_strong_etag([(b"etag", b'W/"v1"')], b"x").startswith(b'"')


@pytest.mark.parametrize("sent", [b'"v1"', b'W/"v1"', b'"v0", "v1"', b"*"])
def test_if_none_match_accepts_any_listed_etag(sent: bytes) -> None:
    assert matches_etag(sent, b'"v1"')


def test_if_none_match_rejects_other_etags() -> None:
    assert not matches_etag(b'"v2"', b'"v1"')
    assert not matches_etag(None, b'"v1"')
