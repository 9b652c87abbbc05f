"""TLS to servers: an authority and a client certificate from files, verification always, plain words for
failures.

The options of a URL are `cafile` (PEM of the authorities to trust instead of the system's), `certfile` and
`keyfile` (PEM of the client's certificate with its chain, and of its key, for servers that ask for one).
"""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from bookcore.domain.errors import Invalid

OPTIONS = frozenset({"cafile", "certfile", "keyfile"})
_REASONS: Mapping[str, tuple[str, ...]] = {
    "its certificate has expired; renew it": ("certificate has expired",),
    "its certificate is of another host name; use the name that the certificate has": (
        "Hostname mismatch",
        "IP address mismatch",
        "does not match host name",
    ),
    "it asks for a certificate that it trusts; give certfile and keyfile": (
        "CERTIFICATE_REQUIRED",
        "certificate required",
        "alert unknown ca",
        "ALERT_UNKNOWN_CA",
        "ALERT_BAD_CERTIFICATE",
    ),
    "its certificate is not of a trusted authority; give the authority's file": (
        "CERTIFICATE_VERIFY_FAILED",
    ),
    "its certificate has expired or is not of a trusted authority; renew it, or give the authority's file": (
        "certificate verify failed",
    ),
    "it does not speak TLS; correct the port, or switch TLS on there": (
        "WRONG_VERSION_NUMBER",
        "RECORD_LAYER_FAILURE",
        "PACKET_LENGTH_TOO_LONG",
        "UNEXPECTED_EOF",
        "EOF occurred in violation of protocol",
        "handshake operation timed out",
        "does not support SSL",
    ),
}
"""What is wrong and what to do, by words of the errors of Python's ssl module and of libpq."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of PEM files; None for the system's authorities, and for no client certificate."""

    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None

    def create_context(self, *, field: str) -> ssl.SSLContext:
        """Verifies certificate and host name; reads the files anew. Raises: Invalid naming the file."""
        context = _load_authorities(self.cafile, field)
        if self.certfile:
            try:
                context.load_cert_chain(self.certfile, self.keyfile)
            except OSError as error:
                files = f"certfile {self.certfile} and keyfile {self.keyfile or self.certfile}"
                raise Invalid(
                    f"{files} can't be used ({_explain_file(error)}); give a certificate and its key in PEM",
                    field=field,
                ) from error
        return context


def parse_tls_files(options: Mapping[str, str], *, is_tls: bool, field: str) -> TlsFiles:
    """The files that a URL's options name.

    Raises: Invalid for a URL without TLS (the files would be of no use and the password in plain text), or a
    key without a certificate.
    """
    given = {name: value for name, value in options.items() if name in OPTIONS}
    if given and not is_tls:
        raise Invalid(
            f"has {', '.join(sorted(given))} but no TLS; correct the scheme or options", field=field
        )
    if "keyfile" in given and "certfile" not in given:
        raise Invalid("has a keyfile but no certfile; give both", field=field)
    return TlsFiles(**given)


def explain_tls_error(text: str) -> str | None:
    """What is wrong with the server's TLS, and the remedy; None for an error of another kind."""
    return next((reason for reason, words in _REASONS.items() if any(w in text for w in words)), None)


def check_handshake(
    connection: socket.socket, context: ssl.SSLContext, host: str, request: bytes = b""
) -> None:
    """Shakes hands on an open connection and closes it, where a client would retry and not say what fails.

    A server refuses a client's certificate only after the handshake: then `request` is what it answers.
    Raises: OSError.
    """
    try:
        with context.wrap_socket(connection, server_hostname=host) as secured:
            secured.sendall(request)
            if request and not secured.recv(1):
                raise ConnectionResetError
    except ConnectionError as error:
        raise OSError("it breaks off TLS; correct the port, or the client's certificate") from error


def _load_authorities(cafile: str | None, field: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=cafile)
    except OSError as error:
        raise Invalid(
            f"cafile {cafile} can't be used ({_explain_file(error)}); give a certificate in PEM",
            field=field,
        ) from error


def _explain_file(error: OSError) -> str:
    """OpenSSL's own errors say little: the file is no PEM, or the key is of another certificate."""
    return "no such content" if isinstance(error, ssl.SSLError) else str(error.strerror)
