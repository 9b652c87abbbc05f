"""States of a client connection; the first three alternate, the last three only advance."""

from typing import Final

READING_HEAD: Final = 0
"""No request under way; the next may take either path."""
FAST: Final = 1
"""An exchange of the fast path is under way; what the client sends meanwhile is buffered."""
ASGI: Final = 2
"""uvicorn's protocol reads a request or has a response under way."""
TUNNEL: Final = 3
"""All bytes belong to a WebSocket."""
REFUSED: Final = 4
"""A problem was sent, or the response under way is the last; input is dropped."""
CLOSED: Final = 5
