"""A refusal: the problem for a request that reaches no handler, built as bytes and logged like a response."""

from http import HTTPStatus
from typing import NamedTuple

from bookcore.kit.problem import PROBLEMS, build_problem_response
from gateway.observability.access_log import AccessRecord
from gateway.routing.routes import get_route_prefix, is_supported_method

UNPARSED = "unparsed"
"""The route of a request whose target is unknown, in metrics and the access log."""


class RequestOrigin(NamedTuple):
    """What is known of the request; the target may be empty or incomplete."""

    method: str
    target: bytes
    address: str


class Refusal(NamedTuple):
    """`data` is the complete response, after which the connection closes."""

    status: int
    data: bytes
    request_id: bytes
    traceparent: bytes

    def build_access_record(self, origin: RequestOrigin, seconds: float) -> AccessRecord:
        """The line of the access log."""
        path = origin.target.partition(b"?")[0].decode("latin-1")
        return AccessRecord(
            method=origin.method if is_supported_method(origin.method) else "-",
            route=get_route_prefix(path) if path else UNPARSED,
            path=path or "-",
            status=self.status,
            seconds=seconds,
            cache=b"",
            request_id=self.request_id,
            traceparent=self.traceparent,
            user_id="",
            address=origin.address,
        )


def build_refusal(
    slug: str,
    detail: str,
    headers: dict[str, str] | None,
    *,
    date_line: bytes,
    ids: tuple[bytes, bytes],
) -> Refusal:
    """Builds the response; `ids` are its request id and traceparent, which the log line has too."""
    request_id, traceparent = ids
    response = build_problem_response(PROBLEMS[slug], detail, headers=headers)
    lines = b"".join(b"%b: %b\r\n" % header for header in response.raw_headers)
    data = b"HTTP/1.1 %d %b\r\n%b%bx-request-id: %b\r\nconnection: close\r\n\r\n%b" % (
        response.status_code,
        HTTPStatus(response.status_code).phrase.encode(),
        date_line,
        lines,
        request_id,
        bytes(response.body),
    )
    return Refusal(response.status_code, data, request_id, traceparent)
