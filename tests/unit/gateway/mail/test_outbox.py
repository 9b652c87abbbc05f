"""Mail is sent in the background; a server that is down, slow or refuses is written down."""

import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from queue import Queue
from time import perf_counter

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.unit.gateway.mail_server import SECONDS, MailTrap, run_mail_server

from gateway.mail.outbox import Mail, MailOutbox
from gateway.mail.smtp import MailRefused, MailServer, deliver_mail, parse_mail_url

MAIL = Mail("reset", "u", "reader@example.org", "Subject", "Text äöü")
Failures = Queue[tuple[str, str]]
OpenOutbox = Callable[[str], MailOutbox]


@pytest.fixture
def trap() -> Iterator[MailTrap]:
    with run_mail_server() as trap:
        yield trap


@pytest.fixture
def failures() -> Failures:
    return Queue()


@pytest.fixture
def open_outbox(failures: Failures) -> Iterator[OpenOutbox]:
    opened: list[MailOutbox] = []

    def on_failed(mail: Mail, reason: str) -> None:
        failures.put((mail.kind, reason))

    def open_one(url: str) -> MailOutbox:
        opened.append(
            MailOutbox(parse_mail_url(url), sender="b@example.org", on_failed=on_failed, delays=(0.01, 0.01))
        )
        return opened[-1]

    yield open_one
    for outbox in opened:
        outbox.close()


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    """A server's, with a new certificate of 127.0.0.1 in tmp_path/ca.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "trap")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    (tmp_path / "ca.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    return context


def test_mail_arrives_with_its_headers(trap: MailTrap, open_outbox: OpenOutbox) -> None:
    open_outbox(f"smtp://127.0.0.1:{trap.port}").put(MAIL)
    mail = trap.receive()
    assert (mail["To"], mail["From"], mail["Subject"]) == ("reader@example.org", "b@example.org", "Subject")
    assert mail.get_content().strip() == "Text äöü"


def test_refused_mail_is_written_down_at_once(
    trap: MailTrap, open_outbox: OpenOutbox, failures: Failures
) -> None:
    trap.answers["RCPT"] = b"550 no such user"
    open_outbox(f"smtp://127.0.0.1:{trap.port}").put(MAIL)
    assert failures.get(timeout=SECONDS) == ("reset", "550 no such user")


def test_busy_server_is_tried_again(trap: MailTrap, open_outbox: OpenOutbox, failures: Failures) -> None:
    trap.answers["RCPT"] = b"451 come again"
    outbox = open_outbox(f"smtp://127.0.0.1:{trap.port}")
    outbox.put(MAIL)
    assert failures.get(timeout=SECONDS) == ("reset", "451 come again")
    del trap.answers["RCPT"]
    outbox.put(MAIL)
    assert trap.receive()["Subject"] == "Subject"


def test_server_that_is_down_is_written_down(open_outbox: OpenOutbox, failures: Failures) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    open_outbox(f"smtp://127.0.0.1:{port}").put(MAIL)
    kind, reason = failures.get(timeout=SECONDS)
    assert (kind, "refused" in reason) == ("reset", True)


def test_slow_server_holds_up_nobody(trap: MailTrap, open_outbox: OpenOutbox, failures: Failures) -> None:
    trap.is_silent = True
    outbox = open_outbox(f"smtp://127.0.0.1:{trap.port}")
    began = perf_counter()
    for _ in range(600):
        outbox.put(MAIL)
    assert perf_counter() - began < 2
    assert failures.get(timeout=SECONDS) == ("reset", "too many mails are waiting")
    began = perf_counter()
    outbox.close()
    assert perf_counter() - began < 5


@pytest.mark.parametrize("scheme", ["smtps", "smtp"])
def test_mail_is_sent_over_tls_that_is_verified(
    context: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, scheme: str
) -> None:
    with run_mail_server(context, is_tls=scheme == "smtps") as trap:
        server = parse_mail_url(f"{scheme}://127.0.0.1:{trap.port}")
        message = MailOutbox(server, sender="b@example.org", on_failed=lambda *_: None)._build_message(MAIL)
        with pytest.raises(MailRefused, match="certificate"):
            deliver_mail(server, message)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        deliver_mail(server, message)
        assert trap.secured == [True]


def test_server_elsewhere_without_starttls_gets_no_mail(trap: MailTrap) -> None:
    server = MailServer("127.0.0.1", trap.port, is_tls=False, starttls=True)
    message = MailOutbox(server, sender="b@example.org", on_failed=lambda *_: None)._build_message(MAIL)
    with pytest.raises(MailRefused, match="STARTTLS"):
        deliver_mail(server, message)
    assert trap.mails.empty()


@pytest.mark.parametrize(
    ("url", "server"),
    [
        (
            "smtps://u%40x:p%2F@mail.example.org",
            MailServer("mail.example.org", 465, is_tls=True, user="u@x", password="p/"),
        ),
        ("smtp://mail.example.org", MailServer("mail.example.org", 587, is_tls=False)),
        (
            "smtp://mail.example.org:25?starttls=no",
            MailServer("mail.example.org", 25, is_tls=False, starttls=False),
        ),
        ("smtp://localhost:1025", MailServer("localhost", 1025, is_tls=False, starttls=False)),
    ],
)
def test_mail_url_names_server_and_encryption(url: str, server: MailServer) -> None:
    assert parse_mail_url(url) == server


@pytest.mark.parametrize("url", ["mail.example.org", "http://mail.example.org", "smtp://", "smtps:///x"])
def test_invalid_mail_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="smtps://user:password@"):
        parse_mail_url(url)
