"""Sites to crawl, on loopback: the sample shop, and a folder served as the real site would be."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


@dataclass(frozen=True)
class SampleShop:
    url: str

    def change_books(self, books: int) -> list[dict[str, str]]:
        """Move price or stock of exactly that many books; what was done."""
        changed: list[dict[str, str]] = json.loads(self._call("POST", f"_shop/change?books={books}"))
        return changed

    def inject_fault(self, kind: str, share: float, **more: object) -> None:
        self._call("POST", "_shop/faults", json.dumps({"kind": kind, "share": share, **more}).encode())

    def read_truth(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self._call("GET", "_shop/truth").splitlines()]

    def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(self.url + path, data=body, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: bytes = answer.read()
        return found


@contextmanager
def run_sample_shop(*flags: str) -> Iterator[SampleShop]:
    """`python -m sample_shop` on a free port."""
    child = subprocess.Popen(
        [sys.executable, "-m", "sample_shop", "serve", "--port", "0", *flags],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    line = child.stdout.readline()
    try:
        yield SampleShop(line.split()[-1])
    finally:
        child.terminate()
        child.wait(30)
        child.stdout.close()


class _Pages(SimpleHTTPRequestHandler):
    """Static pages with ETag and Last-Modified, HTTP/1.1, without a charset, as the real site's server."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            self._answer(404, b"not here", {})
            return
        stat = path.stat()
        etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
        told = {"ETag": etag, "Last-Modified": formatdate(stat.st_mtime, usegmt=True)}
        if self.headers.get("If-None-Match") == etag:
            self._answer(304, b"", told)
        else:
            self._answer(200, path.read_bytes(), told)

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "text/html", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class has it
        """Tests have enough to say."""


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """The folder's files over HTTP on loopback; the URL of its root."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *a: _Pages(*a, directory=os.fspath(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
