"""Content codings: the choice, what is compressed, and ETags of compressed forms."""

import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.compression import (
    choose_encoding,
    compress,
    create_encoder,
    encode_headers,
    is_compressible,
    strip_etag_suffix,
)

JSON = (b"content-type", b"application/json")


def decompress(data: bytes, encoding: str) -> bytes:
    if encoding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return bytes(brotli.decompress(data)) if encoding == "br" else zlib.decompress(data, 31)


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        (None, ""),
        (b"", ""),
        (b"gzip", "gzip"),
        (b"gzip, deflate, br, zstd", "zstd"),
        (b"gzip, deflate, br", "br"),
        (b"GZIP;q=0.5, br;q=0.1", "gzip"),
        (b"zstd;q=0, gzip", "gzip"),
        (b"zstd;q=0.000,br;q=0,gzip;q=0", ""),
        (b"*", "gzip"),
        (b"*;q=0", ""),
        (b"identity", ""),
        (b"identity;q=1, gzip;q=0.5", ""),
        (b"identity;q=0.5, gzip;q=1.0", "gzip"),
        (b"gzip;q=nonsense", ""),
        (b"gzip ; q=0.8 , br;q=0.8", "br"),
        (b"deflate, compress", ""),
        (b"\xff\xfe", ""),
    ],
)
def test_coding_is_the_one_that_the_client_prefers(accepted: bytes | None, encoding: str) -> None:
    assert choose_encoding(accepted) == encoding


@pytest.mark.parametrize(
    ("headers", "length", "is_expected"),
    [
        ([JSON], 2_000, True),
        ([JSON], None, True),
        ([JSON], 1_000, False),
        ([(b"content-type", b"text/csv; charset=utf-8")], None, True),
        ([(b"content-type", b"application/problem+json")], None, True),
        ([(b"content-type", b"application/x-ndjson")], None, True),
        ([(b"content-type", b"image/svg+xml")], None, True),
        ([(b"content-type", b"text/event-stream")], None, False),
        ([(b"content-type", b"image/png")], None, False),
        ([(b"content-type", b"application/octet-stream")], None, False),
        ([], None, False),
        ([JSON, (b"content-encoding", b"gzip")], None, False),
        ([JSON, (b"content-range", b"bytes 0-9/100")], None, False),
        ([JSON, (b"cache-control", b"max-age=5, No-Transform")], None, False),
    ],
)
def test_only_long_text_that_may_be_changed_is_compressed(
    headers: list[tuple[bytes, bytes]], length: int | None, *, is_expected: bool
) -> None:
    assert is_compressible(headers, length) is is_expected


@pytest.mark.parametrize("encoding", ["zstd", "br", "gzip"])
@given(parts=st.lists(st.tuples(st.binary(max_size=300), st.booleans()), max_size=8))
def test_streamed_body_comes_back_and_flushed_data_arrives_at_once(
    encoding: str, parts: list[tuple[bytes, bool]]
) -> None:
    encoder, sent = create_encoder(encoding), b""
    for part, is_flushed in parts:
        sent += encoder.compress(part) + (encoder.flush() if is_flushed else b"")
    body = b"".join(part for part, _ in parts)
    assert decompress(sent + encoder.finish(), encoding) == body
    assert decompress(compress(body, encoding), encoding) == body


def test_compressed_form_has_an_etag_of_its_own_and_varies() -> None:
    headers = [JSON, (b"etag", b'"v3"'), (b"content-length", b"9"), (b"vary", b"accept")]
    assert encode_headers(headers, "br") == [
        JSON,
        (b"etag", b'"v3;br"'),
        (b"vary", b"accept"),
        (b"vary", b"accept-encoding"),
        (b"content-encoding", b"br"),
    ]


@pytest.mark.parametrize(
    ("condition", "stripped"),
    [
        (b'"v3;br"', b'"v3"'),
        (b'W/"v3;gzip", "v4;zstd", "v5"', b'W/"v3", "v4", "v5"'),
        (b"*", b"*"),
        (b'"a;b"', b'"a;b"'),
    ],
)
def test_conditions_name_the_services_etags(condition: bytes, stripped: bytes) -> None:
    assert strip_etag_suffix(condition) == stripped
