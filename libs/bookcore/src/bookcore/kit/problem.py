"""Errors over HTTP as RFC 9457 problem+json; the only place that maps errors to responses."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from bookcore.domain.errors import BookstreamError, Conflict, Forbidden, Invalid, NotFound, Unavailable
from bookcore.kit.logger import get_logger
from bookcore.kit.validation import explain_error

MEDIA_TYPE = "application/problem+json"
PROTECTIVE_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}
"""Of every response that has none of its own: a browser neither guesses its type, runs it nor frames it."""
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """A kind of error: `slug` ends the `type` URL, `remedy` says what to do, `example` is a sample
    `detail`.
    """

    slug: str
    status: int
    title: str
    remedy: str
    example: str


PROBLEMS: dict[str, Problem] = {
    p.slug: p
    for p in (
        Problem(
            "invalid",
            422,
            "Invalid request",
            "Correct the field that `detail` names.",
            "limit: must be at most 200",
        ),
        Problem(
            "bad-request",
            400,
            "Malformed HTTP request",
            "Correct the part that `detail` names.",
            "a header has no colon",
        ),
        Problem(
            "bad-cursor",
            400,
            "Invalid cursor",
            "Start again without `cursor`.",
            "cursor: modified, or issued for other filters or another order",
        ),
        Problem(
            "unauthorized",
            401,
            "A valid access token is required",
            "Log in at /v1/auth/login.",
            "the token has expired; use the refresh token",
        ),
        Problem(
            "second-factor-required",
            401,
            "A code of the second factor is required",
            "Ask for the code of the authenticator app, or a recovery code, and send it as `code`.",
            "send the code of your authenticator app as `code`, or a recovery code",
        ),
        Problem(
            "forbidden",
            403,
            "Permission denied",
            "Use a key with the scope that `detail` names, or ask an administrator for the role.",
            "requires the scope books:write",
        ),
        Problem("not-found", 404, "Not found", "Check the address or the id.", "no book 'shop:none'"),
        Problem(
            "method-not-allowed",
            405,
            "Method not allowed",
            "See /docs.",
            "Method Not Allowed",
        ),
        Problem(
            "request-timeout",
            408,
            "Request timeout",
            "Send the whole request within the time that `detail` names.",
            "the body did not arrive within 30 s",
        ),
        Problem(
            "conflict",
            409,
            "Conflict with the current state",
            "Read it again, then decide.",
            "the book own_shop:n1 exists; change it with PATCH",
        ),
        Problem(
            "no-longer-kept",
            410,
            "No longer kept",
            "Read the books anew at /v1/books or /v1/books/export, then go on without `cursor` and `since`.",
            "cursor: changes after it are deleted",
        ),
        Problem(
            "idempotency-mismatch",
            422,
            "Idempotency-Key reused with another request",
            "Send a new key with a new request.",
            "this key was used with another body",
        ),
        Problem(
            "precondition-failed",
            412,
            "The book was changed meanwhile",
            "Read it again, then decide.",
            'the book is at "8", If-Match names "7"',
        ),
        Problem(
            "too-large",
            413,
            "Request body too large",
            "Send less at once.",
            "the limit is 1048576 bytes",
        ),
        Problem(
            "target-too-long",
            414,
            "URI too long",
            "Send fewer or shorter query parameters.",
            "the URI is longer than 8192 bytes",
        ),
        Problem(
            "too-many-requests",
            429,
            "Too many requests",
            "Retry after the number of seconds in Retry-After.",
            "the quota is 600 in 60 s; wait 3 s",
        ),
        Problem(
            "head-too-large",
            431,
            "Request headers too large",
            "Send fewer headers, or shorter ones.",
            "the headers are longer than 32768 bytes",
        ),
        Problem(
            "internal",
            500,
            "Internal error",
            "Retry; if it persists, report the request id.",
            "the error is logged under this request id",
        ),
        Problem(
            "bad-gateway",
            502,
            "Bad gateway",
            "Retry.",
            "invalid response from books-api: connection closed",
        ),
        Problem(
            "unavailable",
            503,
            "Service unavailable",
            "Retry after the number of seconds in Retry-After.",
            "books-api is unavailable",
        ),
        Problem(
            "timeout",
            504,
            "Gateway timeout",
            "Retry, or request less data.",
            "no response from books-api in time",
        ),
    )
}
_BY_STATUS = {p.status: p for p in reversed(PROBLEMS.values())}
"""The first of each status: the one that needs no further knowledge."""
_KINDS: tuple[tuple[type[BookstreamError], str], ...] = (
    (Invalid, "invalid"),
    (NotFound, "not-found"),
    (Conflict, "conflict"),
    (Forbidden, "forbidden"),
    (Unavailable, "unavailable"),
)


class ProblemError(Exception):
    """Raised where the exact problem matters more than the kind of error."""

    def __init__(self, slug: str, detail: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.problem = PROBLEMS[slug]
        self.detail = detail
        self.headers = headers or {}


def build_problem_response(
    problem: Problem, detail: str, *, field: str | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    """The response of a problem; `field` names the parameter or property at fault."""
    body: dict[str, str | int] = {
        "type": f"/problems/{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
    }
    if field:
        body["field"] = field
    return JSONResponse(
        body, problem.status, {**(headers or {}), **PROTECTIVE_HEADERS}, media_type=MEDIA_TYPE
    )


def build_example_problem(problem: Problem) -> dict[str, str | int]:
    """A sample body of the problem."""
    return {
        "type": f"/problems/{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.example,
    }


def install_problem_handlers(app: FastAPI) -> None:
    """Makes every error of this app, FastAPI's own included, a problem+json."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(BookstreamError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_crash)


def _on_problem(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, ProblemError):  # pragma: no cover - registered for nothing else
        raise error
    return build_problem_response(error.problem, error.detail, headers=error.headers)


def _on_error(_: Request, error: Exception) -> JSONResponse:
    slug = next((slug for kind, slug in _KINDS if isinstance(error, kind)), "internal")
    headers = {"Retry-After": str(int(error.retry_after) or 1)} if isinstance(error, Unavailable) else None
    field = error.field if isinstance(error, Invalid) else None
    return build_problem_response(PROBLEMS[slug], str(error), field=field, headers=headers)


def _on_validation(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):  # pragma: no cover - registered for nothing else
        raise error
    first = error.errors()[0]
    if first["type"] == "json_invalid" or tuple(first["loc"]) == ("body",):
        detail = "body: send one JSON object with Content-Type: application/json"
        return build_problem_response(PROBLEMS["invalid"], detail, field="body")
    kind, *path = first["loc"]
    # a list in a query is one parameter, repeated
    where = ".".join(str(part) for part in (path[:1] if kind == "query" else path)) or "body"
    return build_problem_response(PROBLEMS["invalid"], f"{where}: {explain_error(first)}", field=where)


def _on_http(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):  # pragma: no cover - registered for nothing else
        raise error
    unnamed = PROBLEMS["invalid" if error.status_code < 500 else "internal"]
    problem = unnamed if error.status_code == 400 else _BY_STATUS.get(error.status_code, unnamed)
    return build_problem_response(problem, str(error.detail), headers=dict(error.headers or {}))


def _on_crash(request: Request, error: Exception) -> JSONResponse:
    _log.error("request failed", path=request.url.path, exc_info=error)
    return build_problem_response(PROBLEMS["internal"], "the error is logged")
