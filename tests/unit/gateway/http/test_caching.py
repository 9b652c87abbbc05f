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
def test_the_order_of_parameters_makes_no_other_key(parts: list[bytes]) -> None:
    expected = build_cache_key("/books", b"category=Poetry&limit=5&sort=price")
    assert build_cache_key("/books", b"&".join(parts)) == expected


def test_repeated_parameters_keep_their_order() -> None:
    assert build_cache_key("/books", b"a=1&a=2") != build_cache_key("/books", b"a=2&a=1")


def test_a_question_mark_in_the_path_is_not_a_query() -> None:
    assert build_cache_key("/books/x?a=1", b"") != build_cache_key("/books/x", b"a=1")


@given(st.binary(max_size=60))
def test_any_bytes_make_a_key(query: bytes) -> None:
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
def test_a_response_lives_as_long_as_its_headers_allow(headers: list[Header], seconds: float) -> None:
    assert compute_lifetime(200, headers, limit=MOST).ttl == seconds


@pytest.mark.parametrize("status", [201, 204, 206, 304, 404, 500])
def test_only_a_plain_success_is_kept(status: int) -> None:
    assert compute_lifetime(status, [], limit=MOST).ttl == 0


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"", MOST),
        (b"max-age=5, stale-while-revalidate=7, stale-if-error=9", Lifetime(5, 7, 9)),
        (b"stale-while-revalidate=700", MOST),
        (b"max-age=5, must-revalidate", Lifetime(5, 0, 0)),
    ],
)
def test_a_stale_response_is_of_use_as_long_as_it_says(said: bytes, expected: Lifetime) -> None:
    assert compute_lifetime(200, [(b"cache-control", said)], limit=MOST) == expected


def test_variants_differ_by_the_headers_named_and_by_nothing_else() -> None:
    names = parse_vary([(b"vary", b"Accept-Language, accept"), (b"vary", b"Accept")])
    assert names == ("accept", "accept-language")
    german = build_variant_key("k", names, [(b"accept-language", b"de"), (b"x", b"1")])
    assert german == build_variant_key("k", names, [(b"accept-language", b"de"), (b"x", b"2")])
    assert german != build_variant_key("k", names, [(b"accept", b"de")])


def test_a_weak_etag_is_replaced_by_one_of_the_body() -> None:
    assert build_strong_etag([(b"etag", b'"v1"')], b"x") == b'"v1"'
    assert build_strong_etag([(b"etag", b'W/"v1"')], b"x").startswith(b'"')


@pytest.mark.parametrize("sent", [b'"v1"', b'W/"v1"', b'"v0", "v1"', b"*"])
def test_a_copy_is_good_when_its_tag_is_among_those_sent(sent: bytes) -> None:
    assert matches_etag(sent, b'"v1"')


def test_another_copy_is_not_good() -> None:
    assert not matches_etag(b'"v2"', b'"v1"')
    assert not matches_etag(None, b'"v1"')
