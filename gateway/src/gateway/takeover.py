"""Takes over the port of a running gateway: start the new one, then stop the old one.

Sockets that share a port (SO_REUSEPORT) get connections by a hash, so some would wait in the old one's
queue when it closes, and be lost. A BPF filter of one instruction therefore sends all new connections to
the new socket. Once the old one has closed, the filter names a socket that doesn't exist; Linux then falls
back on the hash over the remaining sockets: the new one.
"""

import ctypes
import socket
import struct
from pathlib import Path

from bookcore.domain.errors import Unavailable
from bookcore.kit.listener import choose_address_family

_SO_ATTACH_REUSEPORT_CBPF = 51
_RETURN = 0x06
"""`BPF_RET | BPF_K`: returns the index of the socket, in the order in which they started to listen."""
_LISTENING = "0A"


def join_port(host: str, port: int) -> socket.socket:
    """Binds a socket to the port without listening: until it listens, the old gateway gets all connections.

    Raises: Unavailable when the port belongs to another program or user.
    """
    joining = socket.socket(choose_address_family(host))
    joining.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    joining.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    joining.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        joining.bind((host, port))
    except OSError as error:
        joining.close()
        detail = f"cannot take over {host}:{port} ({error.strerror}); only a gateway's own account can"
        raise Unavailable(detail) from error
    return joining


def take_over(listening: socket.socket) -> None:
    """Sends all new connections to this listening socket.

    Raises: Unavailable where the system doesn't support it; the two gateways then share connections.
    """
    older = _count_listeners(listening) - 1
    filter_of_one = ctypes.create_string_buffer(struct.pack("HBBI", _RETURN, 0, 0, older))
    program = struct.pack("HP", 1, ctypes.addressof(filter_of_one))
    try:
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, program)
    except OSError as error:
        raise Unavailable(f"cannot take all connections ({error.strerror})") from error


def _count_listeners(sample: socket.socket) -> int:
    """The number of sockets that listen on the address of `sample`."""
    host, port = sample.getsockname()[:2]
    packed = socket.inet_pton(sample.family, host)
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    place = "".join(f"{word:08X}" for word in words) + f":{port:04X}"
    table = Path("/proc/net/tcp6" if sample.family == socket.AF_INET6 else "/proc/net/tcp")
    try:
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
    except OSError as error:
        raise Unavailable("cannot list listening sockets; taking over needs Linux") from error
    return sum(1 for row in rows if row[1] == place and row[3] == _LISTENING)
