"""A client that costs little: keep-alive sockets, one request at a time on each."""

import asyncio
import statistics
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """Requests a second, and how long they took in milliseconds."""

    per_second: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Call:
    """A POST to `port` of this machine, ready to send."""

    port: int
    request: bytes

    @classmethod
    def of(cls, port: int, path: str, body: bytes, headers: dict[str, str]) -> "Call":
        lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        return cls(port, "\r\n".join(lines).encode() + body)


def loaded(call: Call, *, clients: int, seconds: float) -> Rate:
    """As many requests as `clients` can make in that time."""
    took: list[float] = []
    began = time.perf_counter()
    asyncio.run(_all(call, clients, began + seconds, took))
    passed = time.perf_counter() - began
    ordered = sorted(took)
    return Rate(
        len(took) / passed, statistics.median(ordered) * 1_000, ordered[int(len(ordered) * 0.99)] * 1_000
    )


async def _all(call: Call, clients: int, until: float, took: list[float]) -> None:
    await asyncio.gather(*(_one(call, until, took) for _ in range(clients)))


async def _one(call: Call, until: float, took: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", call.port)
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(call.request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(int(length.split(b":")[1]))
        took.append(time.perf_counter() - began)
    writer.close()


def answer(call: Call) -> bytes:
    """The body of one answer."""

    async def once() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", call.port)
        writer.write(call.request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        body = await reader.readexactly(int(length.split(b":")[1]))
        writer.close()
        return body

    return asyncio.run(once())
