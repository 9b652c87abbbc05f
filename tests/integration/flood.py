"""Many who ask at a steady rate, each from an address of its own: all of 127.0.0.0/8 is this machine."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Request = Callable[[int], bytes]
"""The n-th request of somebody, whole."""


@dataclass
class FloodResult:
    """What came back: how often each status, and how long each took in seconds; 0 for a broken connection."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.statuses.total()

    def compute_quantile(self, share: float) -> float:
        """Seconds within which that share was answered."""
        return sorted(self.seconds)[int(len(self.seconds) * share)]


def build_post(path: str, body: bytes) -> bytes:
    """A request with a JSON body."""
    head = f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def build_get(path: str, token: str) -> bytes:
    """A request of somebody who has logged in."""
    return f"GET {path} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


class LoadClients:
    """`per_second` in all, each one after the other; who had to wait asks the faster afterwards."""

    def __init__(self, address: str, addresses: Sequence[str], *, per_second: float) -> None:
        parts = urlsplit(address)
        self._place = parts.hostname or "", parts.port or 0
        self._addresses = addresses
        self._pause = len(addresses) / per_second

    async def run(self, request: Request, *, seconds: float) -> FloodResult:
        """For so long."""
        answers = FloodResult()
        each = [self._one(n, request, answers, seconds) for n in range(len(self._addresses))]
        await asyncio.gather(*each)
        return answers

    async def _one(self, number: int, request: Request, answers: FloodResult, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        n, wire = number, None
        while (due := began + self._pause * ((n - number) / len(self._addresses) + number / 1_000)) < (
            began + seconds
        ):
            await _sleep_until(due)
            asked = loop.time()
            try:
                wire = wire or await asyncio.open_connection(
                    *self._place, local_addr=(self._addresses[number], 0)
                )
                wire[1].write(request(n))
                status, stays = await _read_response(wire[0])
            except OSError:
                status, stays = 0, False
            answers.statuses[status] += 1
            answers.seconds.append(loop.time() - asked)
            if not stays and wire is not None:
                wire[1].close()
                wire = None
            n += len(self._addresses)


async def _sleep_until(due: float) -> None:
    loop = asyncio.get_running_loop()
    turn = loop.create_future()
    loop.call_at(due, turn.set_result, None)
    await turn


async def _read_response(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status, and whether the connection stays."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length or 0))
    except asyncio.IncompleteReadError as error:
        raise ConnectionError from error
    return int(head[9:12]), b"\r\nconnection: close" not in head
