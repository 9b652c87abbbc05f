"""HTTP as bytes, so that a test says exactly what is sent and sees exactly what comes back."""

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """One connection; waits at most ten seconds for anything."""

    def __init__(self, address: str, token: str) -> None:
        parts = urlsplit(address)
        self.socket = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10)
        self.lines = f"Host: shop.example\r\nAuthorization: Bearer {token}\r\n".encode()
        self._read = b""

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def get(self, path: str, *more: str) -> bytes:
        """A whole request, not sent yet."""
        return self.request("GET", path, *more)

    def request(self, method: str, path: str, *more: str) -> bytes:
        """A head, not sent yet."""
        extra = "".join(f"{line}\r\n" for line in more).encode()
        return f"{method} {path} HTTP/1.1\r\n".encode() + self.lines + extra + b"\r\n"

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self, *, has_body: bool = True) -> Answer:
        """The next answer."""
        status, headers = self.head()
        if not has_body or status in (204, 304):
            return Answer(status, headers, b"")
        if headers.get("transfer-encoding") == "chunked":
            return Answer(status, headers, b"".join(self._chunks()))
        return Answer(status, headers, self.take(int(headers["content-length"])))

    def head(self) -> tuple[int, dict[str, str]]:
        """Status and headers."""
        text = self.until(b"\r\n\r\n").decode("latin-1")
        first, *lines = text.split("\r\n")[:-2]
        pairs = (line.partition(": ") for line in lines)
        return int(first.split(" ")[1]), {name.lower(): value for name, _, value in pairs}

    def until(self, end: bytes) -> bytes:
        while end not in self._read:
            self._more()
        found, _, self._read = self._read.partition(end)
        return found + end

    def take(self, count: int) -> bytes:
        while len(self._read) < count:
            self._more()
        found, self._read = self._read[:count], self._read[count:]
        return found

    def rest(self) -> bytes:
        """Everything until the other end closes."""
        try:
            while True:
                self._more()
        except ConnectionError:
            found, self._read = self._read, b""
            return found

    def _chunks(self) -> list[bytes]:
        chunks = []
        while size := int(self.until(b"\r\n"), 16):
            chunks.append(self.take(size))
            self.until(b"\r\n")
        self.until(b"\r\n")
        return chunks

    def _more(self) -> None:
        data = self.socket.recv(262_144)
        if not data:
            raise ConnectionError(f"closed after {self._read!r}")
        self._read += data
