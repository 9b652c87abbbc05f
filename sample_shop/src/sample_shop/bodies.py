"""Bodies too large for memory, streamed at the pace of the client."""

from starlette.types import Send

MEBIBYTE = 1024 * 1024
PIECE = b"<!-- the tide brings another line of sand, and another, and another -->\n" * 900
ENDLESS_LIMIT = 64 * MEBIBYTE
HUGE_SIZE = 50 * MEBIBYTE


async def send_endless(send: Send) -> None:
    """No length is given and the end does not come; we give up after 64 MiB so that a test machine
    survives.
    """
    await _send_filler(send, ENDLESS_LIMIT, ())


async def send_huge(send: Send) -> None:
    """50 MiB of HTML, announced as such."""
    await _send_filler(send, HUGE_SIZE, ((b"content-length", str(HUGE_SIZE).encode()),))


async def _send_filler(send: Send, size: int, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    headers = ((b"content-type", b"text/html"), *headers)
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    left = size
    while left > 0:
        piece = PIECE[:left]
        left -= len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
