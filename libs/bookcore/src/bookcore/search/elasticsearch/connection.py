"""Address and client of the server, and the translation of its errors."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from elastic_transport import SerializationError
from elasticsearch import ApiError, Elasticsearch, OrjsonSerializer, TransportError

from bookcore.domain.errors import BookstreamError, Invalid, Unavailable
from bookcore.kit.tls import OPTIONS, TlsFiles, explain_tls_error, parse_tls_files

BUSY = (429, 502, 503, 504)
"""Statuses of a server or a load balancer that a retry may resolve."""

_FIELD = "search_url"
_HTTPS = "elasticsearch+https"
_PORT = 9200
_ALIAS = re.compile(r"[a-z0-9][a-z0-9._-]{0,119}")
_SECONDS = 10.0  # read timeout; writes have their own
_CONNECTIONS = 32  # pool size; more threads open temporary connections


@dataclass(frozen=True, slots=True)
class ElasticsearchAddress:
    """The parts of `elasticsearch[+https]://[user:password@]host:port/ALIAS`; `tls` None is plain HTTP."""

    host: str
    port: int
    alias: str
    user: tuple[str, str] | None
    tls: TlsFiles | None = None

    @property
    def display(self) -> str:
        """For errors and logs: without user and password."""
        scheme = "elasticsearch" if self.tls is None else _HTTPS
        return f"{scheme}://{self.host}:{self.port}/{self.alias}"


def parse_address(url: str) -> ElasticsearchAddress:
    """Raises: Invalid when a part is missing, superfluous or no valid alias."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORT
    except ValueError as error:
        raise _build_invalid_url(str(error)) from error
    alias = parts.path.removeprefix("/")
    if not host:
        raise _build_invalid_url("the host is missing")
    if not _ALIAS.fullmatch(alias):
        raise _build_invalid_url(f"{alias!r} can't name an index; use a-z 0-9 . _ -, at most 120 of them")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.fragment or not options.keys() <= OPTIONS:
        raise _build_invalid_url(f"its only options are {', '.join(sorted(OPTIONS))}, with {_HTTPS}://")
    is_tls = parts.scheme == _HTTPS
    tls = parse_tls_files(options, is_tls=is_tls, field=_FIELD)
    user = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return ElasticsearchAddress(
        f"[{host}]" if ":" in host else host, port, alias, user, tls if is_tls else None
    )


class Connection:
    """One client with its pool, for any number of threads; connects at the first request.

    Raises: Invalid for unusable files of TLS.
    """

    def __init__(self, address: ElasticsearchAddress) -> None:
        self.address = address
        tls = address.tls and address.tls.create_context(field=_FIELD)
        self.client = Elasticsearch(
            f"{'https' if tls else 'http'}://{address.host}:{address.port}",
            ssl_context=tls,
            basic_auth=address.user,
            request_timeout=_SECONDS,
            connections_per_node=_CONNECTIONS,
            http_compress=False,  # costs more CPU than it saves on a local network
            max_retries=0,
            retry_on_status=(),
            retry_on_timeout=False,
            serializers={"application/json": OrjsonSerializer()},
        )

        self.reading = self.client.options(max_retries=1)  # an idle connection may be dead

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Raises: Invalid or Unavailable, with the address and the remedy, for any error of the client."""
        try:
            yield
        except (ApiError, TransportError) as error:
            raise translate_error(error, self.address) from error

    def close(self) -> None:
        """Frees the pool."""
        self.client.close()


def translate_error(error: ApiError | TransportError, address: ElasticsearchAddress) -> BookstreamError:
    """Bookstream's error for the client's."""
    if isinstance(error, ApiError):
        return _translate_status(error, address)
    if isinstance(error, SerializationError):
        return _build_not_elasticsearch(address)
    why = explain_tls_error(error.message) if address.tls else None
    return Unavailable(
        f"no answer from Elasticsearch at {address.display} ({why or error.message});"
        " start it, or correct BOOKSTREAM_SEARCH_URL",
        retry_after=2.0,
    )


def read_error(error: ApiError) -> tuple[str, str]:
    """The server's own type and text of an error; empty where there is none."""
    body: Any = error.body  # whatever JSON the server sent
    error_body = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error_body, dict):
        return "", str(error_body or "")
    return str(error_body.get("type", "")), str(error_body.get("reason", ""))


def _translate_status(error: ApiError, address: ElasticsearchAddress) -> BookstreamError:
    status = error.meta.status
    kind, reason = read_error(error)
    if status in BUSY:
        return Unavailable(
            f"Elasticsearch at {address.display} is busy ({status} {kind} {reason})", retry_after=2.0
        )
    if error.meta.headers.get("x-elastic-product") != "Elasticsearch":
        return _build_not_elasticsearch(address)
    if kind == "media_type_header_exception":
        return Invalid(
            f"the server at {address.display} is older than Elasticsearch 9; upgrade it", field=_FIELD
        )
    if status in (401, 403) and kind == "security_exception":
        return Invalid(
            f"Elasticsearch at {address.display} refuses the user ({reason}); correct the user and password",
            field=_FIELD,
        )
    if status == 400:
        return Invalid(f"Elasticsearch at {address.display} refuses this: {kind} {reason}")
    return Unavailable(f"Elasticsearch at {address.display} can't do this now ({status} {kind} {reason})")


def _build_not_elasticsearch(address: ElasticsearchAddress) -> Invalid:
    return Invalid(
        f"what answers at {address.display} is not Elasticsearch; correct the host and port",
        field=_FIELD,
    )


def _build_invalid_url(why: str) -> Invalid:
    return Invalid(f"write elasticsearch://[user:password@]host:port/ALIAS; {why}", field=_FIELD)
