"""The Date header, formatted once a second."""

import time
from email.utils import formatdate


class DateHeader:
    """Formats the system clock."""

    def __init__(self) -> None:
        self._second = 0
        self._line = b""

    def get_line(self) -> bytes:
        """With its line end."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._line = b"date: %b\r\n" % formatdate(second, usegmt=True).encode()
        return self._line
