"""Detects clients that read their responses too slowly, by the bytes that they have acknowledged."""

import asyncio
import socket
import struct

from gateway.downstream.context import ConnectionLimits

_BYTES_ACKED = struct.Struct("=Q")
_OFFSET, _TCP_INFO_BYTES = 120, 128
"""Of `tcpi_bytes_acked` in the kernel's `struct tcp_info` (Linux 4.1 or later)."""


class ReadProgress:
    """Of one client; checked about once a second, at no cost while nothing waits to be sent to it."""

    __slots__ = ("_acked", "_since")

    def __init__(self) -> None:
        self._since, self._acked = 0.0, 0

    def is_too_slow(self, transport: asyncio.Transport, limits: ConnectionLimits, now: float) -> bool:
        """Whether data waited for `read_seconds` while the client read less than the least rate."""
        if not transport.get_write_buffer_size():
            self._since = 0.0
            return False
        elapsed = now - self._since
        if self._since and elapsed < limits.read_seconds:
            return False
        acked = _read_bytes_acked(transport)
        if self._since and acked - self._acked < limits.read_bytes_per_second * elapsed:
            return True
        self._since, self._acked = now, acked
        return False


def _read_bytes_acked(transport: asyncio.Transport) -> int:
    """0 where the system does not tell; slow clients are then disconnected once their buffer is full."""
    connection = transport.get_extra_info("socket")
    if connection is None or not hasattr(socket, "TCP_INFO"):
        return 0
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    except OSError:  # closed meanwhile
        return 0
    return int(_BYTES_ACKED.unpack_from(info, _OFFSET)[0]) if len(info) >= _TCP_INFO_BYTES else 0
