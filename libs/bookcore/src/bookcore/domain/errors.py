"""The one tree of errors; HTTP and the dead-letter topic each map it in one place.

BookstreamError
|-- Invalid       the input itself is wrong: park it, or answer 400/422; a retry can't help
|-- NotFound      no such book, topic, key: answer 404
|-- Conflict      the state moved on, or it exists already: answer 409/412
|-- Forbidden     known caller, not allowed: answer 403
`-- Unavailable   a server, disk or upstream is away: retry after `retry_after` seconds, or answer 503
"""


class BookstreamError(Exception):
    """Root of every error that Bookstream raises on purpose; the text names the cause and the remedy."""


class Invalid(BookstreamError):
    """The input can never be accepted; `reason` is one line, safe to show and to store."""

    def __init__(self, reason: str, *, field: str | None = None) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.reason = reason
        self.field = field


class NotFound(BookstreamError):
    """Nothing is stored under the requested name."""


class Conflict(BookstreamError):
    """The state differs from the caller's expectation."""


class Forbidden(BookstreamError):
    """The caller is authenticated and lacks the permission."""


class Unavailable(BookstreamError):
    """A dependency is unreachable or full; `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
