"""Parses a kafka:// URL into client settings, and translates the client's errors."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from struct import pack
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import (
    AuthorizationError,
    IllegalStateError,
    KafkaConfigurationError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    SaslAuthenticationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedVersionError,
)

from bookcore.domain.errors import Invalid, NotFound, Unavailable
from bookcore.kit.tls import OPTIONS, TlsFiles, check_handshake, explain_tls_error, parse_tls_files

Configuration = dict[str, Any]  # Any: the client's settings are of every type
_FIELD = "BOOKSTREAM_EVENT_LOG_URL"
_KNOWN = {"prefix", "member", "security", "mechanism"} | OPTIONS
_SECURITY = ("PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL")
_API_VERSIONS = pack(">ihhih", 10, 18, 0, 1, -1)
"""A request that a broker answers before a login."""
_KNOCK = 3.0  # seconds
_BOOTSTRAP_MS, _REQUEST_MS, _SESSION_MS = 8_000, 10_000, 10_000
DELIVERY_MS = 20_000
"""For how long a message is tried."""
_REFUSED = (
    AuthorizationError,
    SaslAuthenticationFailedError,
    KafkaConfigurationError,
    UnsupportedVersionError,
)
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """Brokers, credentials and options; `str()` hides the password."""

    servers: tuple[str, ...]
    prefix: str = ""
    member: str | None = None
    security: str = "PLAINTEXT"
    mechanism: str | None = None
    user: str | None = None
    password: str | None = None
    tls: TlsFiles | None = None

    def __str__(self) -> str:
        return f"kafka://{','.join(self.servers)}"

    def probe(self) -> None:
        """Connects to any broker, within 3 s each: the client alone would retry for many seconds, and not say
        why TLS fails.

        Raises: OSError, Invalid for unusable files of TLS.
        """
        failure: OSError | None = None
        context = None if self.tls is None else self.tls.create_context(field=_FIELD)
        for server in self.servers:
            host, _, port = server.rpartition(":")
            try:
                with socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK) as connection:
                    if context is not None:
                        check_handshake(connection, context, host.strip("[]"), _API_VERSIONS)
            except OSError as error:
                failure = error
            else:
                return
        raise failure or OSError("no server is named")

    def build_client_settings(self) -> Configuration:
        """Settings of every client."""
        return {
            "bootstrap_servers": list(self.servers),
            "bootstrap_timeout_ms": _BOOTSTRAP_MS,
            "request_timeout_ms": _REQUEST_MS,
            "reconnect_backoff_max_ms": 1_000,
            "metadata_max_age_ms": 60_000,
            "security_protocol": self.security,
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.user,
            "sasl_plain_password": self.password,
            "ssl_cafile": self.tls and self.tls.cafile,
            "ssl_certfile": self.tls and self.tls.certfile,
            "ssl_keyfile": self.tls and self.tls.keyfile,
        }

    def build_consumer_settings(self) -> Configuration:
        """Settings of a consumer."""
        return {
            **self.build_client_settings(),
            "metrics_enabled": False,
            "enable_auto_commit": False,
            "auto_offset_reset": "none",
            "isolation_level": "read_committed",
            "allow_auto_create_topics": False,
            "fetch_max_wait_ms": 100,
            "max_partition_fetch_bytes": 4 * 1024 * 1024,
        }

    def build_group_settings(self, group: str) -> Configuration:
        """Settings of a group member."""
        return {
            **self.build_consumer_settings(),
            "group_id": self.prefix + group,
            "group_instance_id": self.member,
            "session_timeout_ms": _SESSION_MS,
            "heartbeat_interval_ms": _SESSION_MS // 5,
            "partition_assignment_strategy": [CooperativeStickyAssignor],
        }

    def build_producer_settings(self) -> Configuration:
        """Settings of the producer: its retries neither lose, duplicate nor reorder."""
        return {
            **self.build_client_settings(),
            "metrics_enabled": False,
            "acks": "all",
            "enable_idempotence": True,
            "delivery_timeout_ms": DELIVERY_MS,
            "max_block_ms": _REQUEST_MS,
            "allow_auto_create_topics": False,
            "compression_type": "lz4",
            "linger_ms": 20,
            "batch_size": 256 * 1024,
        }


def parse_address(url: str) -> KafkaAddress:
    """Raises: Invalid with the setting and the reason."""
    try:
        parts = urlsplit(url)
        given = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise Invalid(f"is no kafka://host:port address ({error})", field=_FIELD) from error
    unknown = given.keys() - _KNOWN
    login, _, hosts = parts.netloc.rpartition("@")
    servers = tuple(host for host in hosts.split(",") if host)
    if unknown or not servers or not all(_is_server(server) for server in servers):
        wrong = f"knows no {sorted(unknown)[0]!r}" if unknown else "must be kafka://host:port[,host:port]"
        raise Invalid(wrong, field=_FIELD)
    user, _, password = (unquote(part) for part in login.partition(":"))
    first = {name: values[0] for name, values in given.items()}
    security = _choose_security(first, has_user=bool(user))
    is_tls = security.endswith("SSL")
    tls = parse_tls_files(first, is_tls=is_tls, field=_FIELD)
    return KafkaAddress(
        servers,
        prefix=first.get("prefix", ""),
        member=first.get("member"),
        security=security,
        mechanism=first.get("mechanism", "SCRAM-SHA-512" if user else None),
        user=user or None,
        password=password or None,
        tls=tls if is_tls else None,
    )


def _choose_security(options: dict[str, str], *, has_user: bool) -> str:
    """Without the option TLS where its files are named, a login where there is a user. Raises: Invalid."""
    default = ("SASL_" if has_user else "") + ("SSL" if options.keys() & OPTIONS else "PLAINTEXT")
    security = options.get("security", default)
    if security not in _SECURITY:
        raise Invalid(f"knows no security {security!r}; use one of {', '.join(_SECURITY)}", field=_FIELD)
    return security


def _is_server(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) < 65_536


@contextmanager
def translate_errors(address: KafkaAddress) -> Iterator[None]:
    """Translates the client's errors; those that a retry can help become Unavailable."""
    try:
        yield
    except UnknownTopicOrPartitionError as error:
        raise NotFound(f"{address} lacks a topic ({error}); run `bookstream topics apply`") from error
    except _REFUSED as error:
        raise Invalid(
            f"{address} refuses: {_format_error(error)}; check user, password and version", field=_FIELD
        ) from error
    except _TOO_LARGE as error:
        raise Invalid(f"a message is larger than Kafka takes: {_format_error(error)}") from error
    except ssl.SSLError as error:  # some are ValueErrors, too
        raise _build_unavailable(address, error) from error
    except (IllegalStateError, ValueError, TypeError):
        raise
    except (KafkaError, OSError) as error:
        raise _build_unavailable(address, error) from error


def _build_unavailable(address: KafkaAddress, error: Exception) -> Unavailable:
    return Unavailable(
        f"Kafka at {address} does not answer ({_format_error(error)}); check {_FIELD} and the server",
        retry_after=2,
    )


def _format_error(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return (isinstance(error, ssl.SSLError) and explain_tls_error(text)) or text
