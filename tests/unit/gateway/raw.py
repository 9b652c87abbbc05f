"""HTTP as bytes: a test controls exactly what is sent and sees exactly what is received."""

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class RawResponse:
    status: int
    headers: dict[str, str]
    body: bytes


class RawConnection:
    """One connection with a timeout of ten seconds."""

    def __init__(self, address: str, token: str) -> None:
        parts = urlsplit(address)
        self.socket = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10)
        self.lines = f"Host: shop.example\r\nAuthorization: Bearer {token}\r\n".encode()
        self._read = b""

    def __enter__(self) -> "RawConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def build_get(self, path: str, *more: str) -> bytes:
        """Builds a complete request."""
        return self.build_request("GET", path, *more)

    def build_request(self, method: str, path: str, *more: str) -> bytes:
        """Builds a request head."""
        extra = "".join(f"{line}\r\n" for line in more).encode()
        return f"{method} {path} HTTP/1.1\r\n".encode() + self.lines + extra + b"\r\n"

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read_response(self, *, has_body: bool = True) -> RawResponse:
        """Reads the next response."""
        status, headers = self.read_head()
        if not has_body or status in (204, 304):
            return RawResponse(status, headers, b"")
        if headers.get("transfer-encoding") == "chunked":
            return RawResponse(status, headers, b"".join(self._read_chunks()))
        return RawResponse(status, headers, self.read_exactly(int(headers["content-length"])))

    def read_head(self) -> tuple[int, dict[str, str]]:
        """Status and headers."""
        text = self.read_until(b"\r\n\r\n").decode("latin-1")
        first, *lines = text.split("\r\n")[:-2]
        pairs = (line.partition(": ") for line in lines)
        return int(first.split(" ")[1]), {name.lower(): value for name, _, value in pairs}

    def read_until(self, end: bytes) -> bytes:
        while end not in self._read:
            self._receive()
        data, _, self._read = self._read.partition(end)
        return data + end

    def read_exactly(self, count: int) -> bytes:
        while len(self._read) < count:
            self._receive()
        data, self._read = self._read[:count], self._read[count:]
        return data

    def read_to_end(self) -> bytes:
        """Reads until the other end closes."""
        try:
            while True:
                self._receive()
        except ConnectionError:
            data, self._read = self._read, b""
            return data

    def _read_chunks(self) -> list[bytes]:
        chunks = []
        while size := int(self.read_until(b"\r\n"), 16):
            chunks.append(self.read_exactly(size))
            self.read_until(b"\r\n")
        self.read_until(b"\r\n")
        return chunks

    def _receive(self) -> None:
        data = self.socket.recv(262_144)
        if not data:
            raise ConnectionError(f"closed after {self._read!r}")
        self._read += data
