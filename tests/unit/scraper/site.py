"""A small site whose answers are stated byte by byte."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass(frozen=True)
class Answer:
    """`cut`: bytes at the end that are announced and not sent. `needs`: headers without which it is 401;
    `asked` gets the path of each request."""

    body: bytes
    content_type: str = "text/html"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    has_length: bool = True
    cut: int = 0
    needs: Mapping[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@contextmanager
def serve(answers: Mapping[str, Answer]) -> Iterator[str]:
    """A site of these paths; others are 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path, Answer(b"", status=404))
            answer.asked.append(self.path)
            if any(self.headers.get(name) != text for name, text in answer.needs.items()):
                answer = Answer(b"", status=401)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            if answer.has_length:
                self.send_header("Content-Length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body[: len(answer.body) - answer.cut])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class has it
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
