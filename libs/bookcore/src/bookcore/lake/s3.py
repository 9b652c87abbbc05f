"""A lake in a bucket of Amazon S3, or of a compatible server with conditional writes.

Credentials come from the standard AWS chain: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the machine's
role. A put retried after a lost response finds its own object and returns False, like for any existing
object: callers compare contents.
"""

import socket
import ssl
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from urllib.request import getproxies

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ResponseStreamingError,
    SSLError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from bookcore.domain.errors import Invalid, NotFound, Unavailable
from bookcore.kit.tls import TlsFiles, check_handshake, explain_tls_error, parse_tls_files
from bookcore.lake import Lake
from bookcore.lake.keys import check_key

if TYPE_CHECKING:  # stubs that only development has installed
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, GetObjectOutputTypeDef

_FIELD = "BOOKSTREAM_LAKE_URL"
_CONNECT_SECONDS = 3
_AT_A_TIME = 16
_PART = 16 * 1024 * 1024
"""Bytes of a part; larger objects than this are sent in parts."""
_RESUMPTIONS = 5
_CUT = (IncompleteReadError, ResponseStreamingError, HTTPClientError)
_ABSENT = {"404", "NoSuchKey", "NotFound"}
_THERE = {"412", "PreconditionFailed"}
_RACING = {"409", "ConditionalRequestConflict", "OperationAborted"}
_REFUSED = {"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
_NO_BUCKET = {"NoSuchBucket"}


@dataclass(frozen=True, slots=True)
class Bucket:
    """Address of the objects; `endpoint` None is Amazon's own, `cafile` None the system's authorities."""

    name: str
    prefix: str
    endpoint: str | None
    region: str
    cafile: str | None = None

    def __str__(self) -> str:
        return f"s3://{self.name} at {self.endpoint or 'AWS'}"

    def create_client(self) -> "S3Client":
        """The client retries what S3 calls retryable, with exponential backoff and jitter."""
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            verify=self.cafile,
            config=Config(
                retries={"total_max_attempts": 5, "mode": "standard"},
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=15,
                max_pool_connections=2 * _AT_A_TIME,
                s3={"addressing_style": "path" if self.endpoint else "auto"},
            ),
        )


def parse_bucket(url: str) -> Bucket:
    """`s3://bucket[/prefix][?endpoint=https://host:port&cafile=/ca.pem&region=us-east-1]`.

    Raises: Invalid.
    """
    parts = urlsplit(url)
    given = parse_qs(parts.query)
    unknown = given.keys() - {"endpoint", "region", "cafile"}
    if unknown or not parts.hostname:
        wrong = f"knows no {sorted(unknown)[0]!r}" if unknown else "must be s3://bucket[/prefix]?endpoint=..."
        raise Invalid(wrong, field=_FIELD)
    prefix = f"{parts.path.strip('/')}/".lstrip("/")
    first = {name: values[0] for name, values in given.items()}
    endpoint = first.get("endpoint")
    is_tls = endpoint is None or endpoint.startswith("https:")
    tls = parse_tls_files(first, is_tls=is_tls, field=_FIELD)
    tls.create_context(field=_FIELD)
    return Bucket(parts.netloc, prefix, endpoint, first.get("region", "us-east-1"), tls.cafile)


def open_lake(url: str) -> Lake:
    """Raises: Invalid for a wrong URL, bucket or credentials, Unavailable when S3 does not answer."""
    bucket = parse_bucket(url)
    _check_tls(bucket)
    lake = S3Lake(bucket)
    lake.check_bucket()
    return lake


def _check_tls(bucket: Bucket) -> None:
    """The client would retry for many seconds. Raises: Unavailable."""
    parts = urlsplit(bucket.endpoint or "")
    if parts.scheme != "https" or not parts.hostname or "https" in getproxies():
        return
    context = TlsFiles(bucket.cafile).create_context(field=_FIELD)
    where = (parts.hostname, parts.port or 443)
    with _translate_errors(bucket), socket.create_connection(where, timeout=_CONNECT_SECONDS) as connection:
        check_handshake(connection, context, parts.hostname)


def prepare(url: str) -> str:
    """Creates the bucket if absent; returns one line about the result."""
    bucket = parse_bucket(url)
    _check_tls(bucket)
    with _translate_errors(bucket):
        client = bucket.create_client()
        try:
            client.head_bucket(Bucket=bucket.name)
        except ClientError as error:
            if _get_code(error) not in _ABSENT | _NO_BUCKET:
                raise
            if _create_bucket(client, bucket.name):
                return f"made bucket {bucket}"
        finally:
            client.close()
    return f"kept bucket {bucket}"


def _create_bucket(client: "S3Client", name: str) -> bool:
    """False when another process created it meanwhile."""
    try:
        client.create_bucket(Bucket=name)
    except ClientError as error:
        if _get_code(error) != "BucketAlreadyOwnedByYou":
            raise
        return False
    return True


class S3Lake:
    """`If-None-Match: *` makes a put exclusive; of several writers exactly one succeeds."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._client = bucket.create_client()
        self._threads = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="s3")

    def check_bucket(self) -> None:
        """Raises: Invalid, Unavailable with the remedy."""
        with _translate_errors(self._bucket):
            try:
                self._client.head_bucket(Bucket=self._bucket.name)
            except ClientError as error:
                if _get_code(error) not in _ABSENT | _NO_BUCKET:
                    raise
                raise Invalid(
                    f"there is no {self._bucket}; make the bucket, or run `python -m ingestor migrate`",
                    field=_FIELD,
                ) from error

    def put(self, key: str, body: bytes) -> bool:
        """S3 decides between two concurrent writers, one of them after a retry."""
        name = self._build_name(key)
        with _translate_errors(self._bucket):
            for _ in range(_RESUMPTIONS):
                try:
                    self._store(name, body)
                except ClientError as error:
                    if _get_code(error) in _THERE:
                        return False
                    if _get_code(error) not in _RACING:
                        raise
                else:
                    return True
        raise Unavailable(f"{self._bucket} can't decide who writes {key}", retry_after=1)

    def put_many(self, objects: Mapping[str, bytes]) -> None:
        """Runs 16 puts in parallel."""
        for key in objects:
            check_key(key)
        list(self._threads.map(self.put, objects, objects.values()))

    def get(self, key: str) -> bytes:
        """A truncated response is resumed with a range request."""
        name = self._build_name(key)
        with _translate_errors(self._bucket):
            try:
                return self._read_whole(name)
            except ClientError as error:
                if _get_code(error) not in _ABSENT:
                    raise
                raise NotFound(f"the lake has no {key}") from error

    def list(self, prefix: str) -> Iterator[str]:
        """Fetches 1,000 keys at a time."""
        pages = self._client.get_paginator("list_objects_v2")
        wanted = self._bucket.prefix + prefix
        with _translate_errors(self._bucket):
            for page in pages.paginate(Bucket=self._bucket.name, Prefix=wanted):
                for found in page.get("Contents", []):
                    yield found["Key"].removeprefix(self._bucket.prefix)

    def exists(self, key: str) -> bool:
        with _translate_errors(self._bucket):
            try:
                self._client.head_object(Bucket=self._bucket.name, Key=self._build_name(key))
            except ClientError as error:
                if _get_code(error) not in _ABSENT:
                    raise
                return False
        return True

    def close(self) -> None:
        self._threads.shutdown()
        self._client.close()

    def _build_name(self, key: str) -> str:
        return self._bucket.prefix + check_key(key)

    def _store(self, name: str, body: bytes) -> None:
        if len(body) <= _PART:
            self._client.put_object(Bucket=self._bucket.name, Key=name, Body=body, IfNoneMatch="*")
            return
        upload = self._client.create_multipart_upload(Bucket=self._bucket.name, Key=name)["UploadId"]
        try:
            parts = [
                self._upload_part(name, upload, body, number) for number in range(-(-len(body) // _PART))
            ]
            self._client.complete_multipart_upload(
                Bucket=self._bucket.name,
                Key=name,
                UploadId=upload,
                MultipartUpload={"Parts": parts},
                IfNoneMatch="*",
            )
        except BaseException:
            self._client.abort_multipart_upload(Bucket=self._bucket.name, Key=name, UploadId=upload)
            raise

    def _upload_part(self, name: str, upload: str, body: bytes, number: int) -> "CompletedPartTypeDef":
        piece = body[number * _PART : (number + 1) * _PART]
        answer = self._client.upload_part(
            Bucket=self._bucket.name, Key=name, UploadId=upload, PartNumber=number + 1, Body=piece
        )
        return {"ETag": answer["ETag"], "PartNumber": number + 1}

    def _read_whole(self, name: str) -> bytes:
        answer = self._client.get_object(Bucket=self._bucket.name, Key=name)
        length, etag = answer["ContentLength"], answer["ETag"]
        body = bytearray()
        for _ in range(_RESUMPTIONS):
            _read_into(body, answer)
            if len(body) >= length:
                return bytes(body)
            answer = self._client.get_object(
                Bucket=self._bucket.name, Key=name, Range=f"bytes={len(body)}-", IfMatch=etag
            )
        raise Unavailable(f"{self._bucket} cuts off {name} again and again", retry_after=2)


def _read_into(body: bytearray, answer: "GetObjectOutputTypeDef") -> None:
    """Appends the bytes that arrive before the end or the first error."""
    try:
        for piece in answer["Body"].iter_chunks(1 << 20):
            body.extend(piece)
    except _CUT:
        pass  # the caller asks for the rest
    finally:
        answer["Body"].close()


def _get_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def _translate_errors(bucket: Bucket) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = _get_code(error)
        if code in _REFUSED:
            raise Invalid(
                f"{bucket} refuses the credentials ({code}); check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"
                " and the bucket's policy",
                field=_FIELD,
            ) from error
        raise Unavailable(f"{bucket} answers {code}: {_format_error(error)}", retry_after=2) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise Invalid(
            f"there are no credentials for {bucket}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            field=_FIELD,
        ) from error
    except (BotoConnectionError, BotoCoreError, OSError) as error:
        raise Unavailable(
            f"{bucket} does not answer ({_format_error(error)}); check {_FIELD} and the server",
            retry_after=2,
        ) from error


def _format_error(error: Exception) -> str:
    text = " ".join(str(error).split())
    return (isinstance(error, SSLError | ssl.SSLError) and explain_tls_error(text)) or text
