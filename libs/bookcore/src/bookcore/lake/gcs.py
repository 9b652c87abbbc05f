"""A lake in a bucket of Google Cloud Storage.

Credentials are Application Default Credentials: a service account of Workload Identity, the machine's, or the
file that GOOGLE_APPLICATION_CREDENTIALS names. An `http://` endpoint is an emulator, which is sent none. The
account needs the rights of roles/storage.objectUser on the bucket, and no right on buckets. A put retried
after a lost response finds its own object and returns False, like for any existing object: callers compare
contents.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import google.auth
from google.api_core.exceptions import (
    Conflict,
    Forbidden,
    GoogleAPICallError,
    PreconditionFailed,
    RetryError,
    Unauthorized,
)
from google.api_core.exceptions import (
    NotFound as ApiNotFound,
)
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.auth.transport.requests import AuthorizedSession
from google.cloud.storage import Client
from google.cloud.storage.exceptions import DataCorruption
from google.cloud.storage.retry import DEFAULT_RETRY
from requests import Session
from requests.adapters import HTTPAdapter

from bookcore.domain.errors import Invalid, NotFound, Unavailable
from bookcore.kit.tls import explain_tls_error, parse_tls_files
from bookcore.lake import Lake
from bookcore.lake.keys import check_key

_FIELD = "BOOKSTREAM_LAKE_URL"
_SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write",)
_TIMEOUT = (3.0, 15.0)
"""Seconds to connect and to wait for bytes."""
_AT_A_TIME = 16
_PART = 16 * 1024 * 1024
"""Bytes of a part; larger objects than this are sent in parts."""
_RETRY = DEFAULT_RETRY.with_delay(initial=0.2, maximum=2.0, multiplier=2.0).with_timeout(3.0)
"""What Google calls retryable, with exponential backoff and jitter."""
_OPTIONS = frozenset({"endpoint", "project", "location", "cafile"})


@dataclass(frozen=True, slots=True)
class GcsBucket:
    """Address of the objects; `endpoint` None is Google's own, `cafile` None the system's authorities.

    `project` and `location` are of a bucket to create; None: the credentials' project, Google's default.
    """

    name: str
    prefix: str
    endpoint: str | None
    project: str | None = None
    location: str | None = None
    cafile: str | None = None

    def __str__(self) -> str:
        return f"gs://{self.name} at {self.endpoint or 'Google Cloud'}"

    def create_client(self) -> Client:
        """Raises: DefaultCredentialsError when there are none."""
        credentials: Credentials
        if self.endpoint and self.endpoint.startswith("http:"):
            project: str | None = "emulated"
            credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]  # google-auth lacks types here
            session = Session()
        else:
            credentials, project = google.auth.default(scopes=_SCOPES)
            session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]  # and here
        session.verify = self.cafile or True
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=2 * _AT_A_TIME))
        return Client(
            project=self.project or project,
            credentials=credentials,
            _http=session,
            client_options={"api_endpoint": self.endpoint} if self.endpoint else None,
        )


def parse_bucket(url: str) -> GcsBucket:
    """`gs://bucket[/prefix][?endpoint=http://host:port&cafile=/ca.pem&project=name&location=EU]`.

    Raises: Invalid.
    """
    parts = urlsplit(url)
    given = parse_qs(parts.query)
    unknown = given.keys() - _OPTIONS
    if unknown or not parts.hostname:
        wrong = f"knows no {sorted(unknown)[0]!r}" if unknown else "must be gs://bucket[/prefix]?endpoint=..."
        raise Invalid(wrong, field=_FIELD)
    first = {name: values[0] for name, values in given.items()}
    endpoint = first.get("endpoint")
    tls = parse_tls_files(first, is_tls=endpoint is None or endpoint.startswith("https:"), field=_FIELD)
    tls.create_context(field=_FIELD)
    prefix = f"{parts.path.strip('/')}/".lstrip("/")
    return GcsBucket(
        parts.netloc, prefix, endpoint, first.get("project"), first.get("location"), cafile=tls.cafile
    )


def open_lake(url: str) -> Lake:
    """Raises: Invalid for a wrong URL, bucket or credentials, Unavailable when Google does not answer."""
    bucket = parse_bucket(url)
    with _translate_errors(bucket):
        lake = GcsLake(bucket)
    lake.check_bucket()
    return lake


def prepare(url: str) -> str:
    """Creates the bucket if absent; returns one line about the result."""
    bucket = parse_bucket(url)
    with _translate_errors(bucket):
        client = bucket.create_client()
        try:
            if not _has_bucket(client, bucket):
                return _create_bucket(client, bucket)
        finally:
            client.close()
    return f"kept bucket {bucket}"


def _has_bucket(client: Client, bucket: GcsBucket) -> bool:
    """Lists one object: the right to do so is enough, and one on the bucket itself is not needed."""
    try:
        next(iter(client.list_blobs(bucket.name, max_results=1, timeout=_TIMEOUT, retry=_RETRY)), None)
    except ApiNotFound:
        return False
    return True


def _create_bucket(client: Client, bucket: GcsBucket) -> str:
    """One line; another process may have created it meanwhile."""
    try:
        client.create_bucket(bucket.name, location=bucket.location, timeout=_TIMEOUT, retry=_RETRY)
    except Conflict:
        if not _has_bucket(client, bucket):
            raise
        return f"kept bucket {bucket}"
    return f"made bucket {bucket}"


class GcsLake:
    """`ifGenerationMatch=0` makes a put exclusive; of several writers exactly one succeeds."""

    def __init__(self, bucket: GcsBucket) -> None:
        self._bucket = bucket
        self._client = bucket.create_client()
        self._objects = self._client.bucket(bucket.name)
        self._threads = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="gcs")

    def check_bucket(self) -> None:
        """Raises: Invalid, Unavailable with the remedy."""
        with _translate_errors(self._bucket):
            if not _has_bucket(self._client, self._bucket):
                raise Invalid(
                    f"there is no {self._bucket}; make the bucket, or run `python -m ingestor migrate`",
                    field=_FIELD,
                )

    def put(self, key: str, body: bytes) -> bool:
        """Google decides between two concurrent writers."""
        large = _PART if len(body) > _PART else None
        blob = self._objects.blob(self._build_name(key), chunk_size=large)
        with _translate_errors(self._bucket):
            try:
                blob.upload_from_string(
                    body,
                    content_type="application/octet-stream",
                    if_generation_match=0,
                    checksum="crc32c",
                    timeout=_TIMEOUT,
                    retry=_RETRY,
                )
            except PreconditionFailed:
                return False
        return True

    def put_many(self, objects: Mapping[str, bytes]) -> None:
        """Runs 16 puts in parallel."""
        for key in objects:
            check_key(key)
        list(self._threads.map(self.put, objects, objects.values()))

    def get(self, key: str) -> bytes:
        """The client resumes a truncated response with a range request and compares the checksum."""
        blob = self._objects.blob(self._build_name(key))
        with _translate_errors(self._bucket):
            try:
                body: bytes = blob.download_as_bytes(raw_download=True, timeout=_TIMEOUT, retry=_RETRY)
            except ApiNotFound as error:
                self.check_bucket()
                raise NotFound(f"the lake has no {key}") from error
        return body

    def list(self, prefix: str) -> Iterator[str]:
        """Fetches 1,000 keys at a time."""
        found = self._client.list_blobs(
            self._objects,
            prefix=self._bucket.prefix + prefix,
            fields="items(name),nextPageToken",
            page_size=1_000,
            timeout=_TIMEOUT,
            retry=_RETRY,
        )
        with _translate_errors(self._bucket):
            for blob in found:
                yield blob.name.removeprefix(self._bucket.prefix)

    def exists(self, key: str) -> bool:
        blob = self._objects.blob(self._build_name(key))
        with _translate_errors(self._bucket):
            there: bool = blob.exists(timeout=_TIMEOUT, retry=_RETRY)
        return there

    def close(self) -> None:
        self._threads.shutdown()
        self._client.close()

    def _build_name(self, key: str) -> str:
        return self._bucket.prefix + check_key(key)


@contextmanager
def _translate_errors(bucket: GcsBucket) -> Iterator[None]:
    try:
        yield
    except (Unauthorized, Forbidden) as error:
        raise Invalid(
            f"{bucket} refuses the credentials ({error.code}); check the service account"
            " and its role on the bucket (roles/storage.objectUser)",
            field=_FIELD,
        ) from error
    except DefaultCredentialsError as error:
        raise Invalid(
            f"there are no credentials for {bucket}; set GOOGLE_APPLICATION_CREDENTIALS,"
            " or run with the service account of Workload Identity",
            field=_FIELD,
        ) from error
    except GoogleAPICallError as error:
        raise Unavailable(f"{bucket} answers {error.code}: {_format_error(error)}", retry_after=2) from error
    except (RetryError, GoogleAuthError, DataCorruption, OSError) as error:
        raise Unavailable(
            f"{bucket} does not answer ({_format_error(error)}); check {_FIELD} and the server",
            retry_after=2,
        ) from error


def _format_error(error: Exception) -> str:
    cause = error.cause if isinstance(error, RetryError) and error.cause else error
    text = " ".join(str(cause).split())
    return explain_tls_error(text) or text
