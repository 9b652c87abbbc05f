"""SMTP: the server as an address, and the delivery of one message.

`smtps://` speaks TLS from the first byte (port 465). `smtp://` (port 587) begins TLS with STARTTLS, which may
be missing for a server on this machine, or by `?starttls=no`; else a server without it gets no mail.
"""

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import parse_qs, unquote, urlsplit

_PORTS = {"smtp": 587, "smtps": 465}
_SECONDS = 10.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class MailServer:
    """`starttls` False: TLS is used where offered and not required."""

    host: str
    port: int
    is_tls: bool
    starttls: bool = True
    user: str = ""
    password: str = field(default="", repr=False)


class MailRefused(Exception):
    """The server refused the message for good, or the settings can't work; a retry can't help."""


class MailDelayed(Exception):
    """The server is down, slow, or asks to come again."""


def parse_mail_url(url: str) -> MailServer:
    """Parse `smtps://user:password@mail.example.org`. Raises: ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("must be a URL such as smtps://user:password@mail.example.org")
    asked = parse_qs(parts.query).get("starttls", ["yes"])[0]
    return MailServer(
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        is_tls=parts.scheme == "smtps",
        starttls=asked != "no" and parts.hostname not in _LOOPBACK,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def deliver_mail(server: MailServer, message: EmailMessage) -> None:
    """Blocks, ten seconds for each step at most. Raises: MailRefused, MailDelayed."""
    try:
        with _connect(server) as connection:
            if server.user:
                connection.login(server.user, server.password)
            connection.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        code, reason = next(iter(error.recipients.values()))
        raise _build_error(code, reason) from error
    except smtplib.SMTPResponseException as error:
        raise _build_error(error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError) as error:
        raise MailRefused(str(error)) from error
    except (OSError, smtplib.SMTPException) as error:
        raise MailDelayed(str(error) or type(error).__name__) from error


def _connect(server: MailServer) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if server.is_tls:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=_SECONDS, context=context)
    connection = smtplib.SMTP(server.host, server.port, timeout=_SECONDS)
    try:
        connection.ehlo_or_helo_if_needed()
        if server.starttls or connection.has_extn("starttls"):
            connection.starttls(context=context)
    except Exception:
        connection.close()
        raise
    return connection


def _build_error(code: int, reason: bytes | str) -> MailRefused | MailDelayed:
    words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
    text = f"{code} {words}"[:200]
    return MailRefused(text) if code >= 500 else MailDelayed(text)
