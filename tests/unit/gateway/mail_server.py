"""A small SMTP server that keeps what it is sent, with real sockets and, where asked, real TLS."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from queue import Queue
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread

SECONDS = 10.0


class MailTrap(ThreadingTCPServer):
    """`answers` replaces the answer to a verb, such as RCPT; `is_silent`: it accepts and says nothing."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None = None, *, is_tls: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.context = context
        self.is_tls = is_tls
        self.answers: dict[str, bytes] = {}
        self.is_silent = False
        self.released = Event()
        self.mails: Queue[EmailMessage] = Queue()
        self.secured: list[bool] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def receive(self) -> EmailMessage:
        """The next mail."""
        return self.mails.get(timeout=SECONDS)

    def read_secret(self, name: str) -> str:
        """The secret of the link in the next mail."""
        text = self.receive().get_content()
        return str(text.partition(f"#{name}=")[2].split()[0])


class _Conversation(StreamRequestHandler):
    server: MailTrap

    def handle(self) -> None:
        self.secure = False
        if self.server.is_silent:
            self.server.released.wait(SECONDS)
            return
        with suppress(ssl.SSLError, ConnectionError):  # a client that doesn't trust the certificate
            self.converse()
        if self.secure:
            self.connection.close()

    def converse(self) -> None:
        if self.server.is_tls:
            self.begin_tls()
        self.say(b"220 trap")
        while line := self.rfile.readline():
            verb = line.decode().split(None, 1)[0].upper().strip() if line.strip() else ""
            if verb in self.server.answers:
                self.say(self.server.answers[verb])
            elif not self.answer(verb):
                return

    def answer(self, verb: str) -> bool:
        if verb == "EHLO":
            offers = self.server.context is not None and not self.secure
            self.say(b"250-trap\r\n250-STARTTLS\r\n250 SIZE 1000000" if offers else b"250 trap")
        elif verb == "STARTTLS":
            self.say(b"220 go on")
            self.begin_tls()
        elif verb == "DATA":
            self.say(b"354 go on")
            lines = iter(self.rfile.readline, b".\r\n")
            self.server.mails.put(message_from_bytes(b"".join(lines), policy=policy.default))
            self.server.secured.append(self.secure)
            self.say(b"250 kept")
        elif verb == "QUIT":
            self.say(b"221 bye")
            return False
        else:
            self.say(b"250 ok")
        return True

    def begin_tls(self) -> None:
        assert self.server.context is not None
        self.secure = True
        self.connection = self.server.context.wrap_socket(
            self.connection, server_side=True, do_handshake_on_connect=False
        )
        self.connection.do_handshake()
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)

    def say(self, text: bytes) -> None:
        self.wfile.write(text + b"\r\n")


@contextmanager
def run_mail_server(context: ssl.SSLContext | None = None, *, is_tls: bool = False) -> Iterator[MailTrap]:
    """Serves until the end of the block."""
    with MailTrap(context, is_tls=is_tls) as trap:
        thread = Thread(target=trap.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield trap
        finally:
            trap.released.set()
            trap.shutdown()
            thread.join()
