"""Which address goes to which service, who may use it, and what may be cached."""

from dataclasses import dataclass
from enum import StrEnum

from bookcore.kit.auth import Scope

PUBLIC_PREFIX = "/v1"
PUBLIC_PREFIX_BYTES = PUBLIC_PREFIX.encode()
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Service(StrEnum):
    """The services behind the gateway."""

    BOOKS = "books-api"
    SEARCH = "search-api"
    ML = "ml-api"


@dataclass(frozen=True, slots=True)
class Route:
    """Everything at `prefix` or below it; `prefix` is the service's own path, without /v1.

    `reads` and `writes` are the scopes that it asks for; `cache_group` names what a change drops together,
    None means never cached.
    """

    prefix: str
    service: Service
    read_scope: Scope
    write_scope: Scope
    cache_group: str | None = None

    def covers(self, path: str) -> bool:
        """Whether a service path is this route's."""
        return path == self.prefix or path.startswith(f"{self.prefix}/")

    def get_scope(self, method: str) -> Scope:
        """The scope that the method asks for."""
        return self.read_scope if method in _READING else self.write_scope


ROUTES: tuple[Route, ...] = (
    Route("/books/export", Service.BOOKS, Scope.BOOKS_READ, Scope.BOOKS_WRITE),
    Route("/books", Service.BOOKS, Scope.BOOKS_READ, Scope.BOOKS_WRITE, cache_group="books"),
    Route("/categories", Service.BOOKS, Scope.BOOKS_READ, Scope.BOOKS_WRITE, cache_group="books"),
    Route("/statistics", Service.BOOKS, Scope.BOOKS_READ, Scope.BOOKS_WRITE, cache_group="books"),
    Route("/search", Service.SEARCH, Scope.SEARCH, Scope.SEARCH),
    Route("/ml/predict", Service.ML, Scope.ML, Scope.ML),
    Route("/ml", Service.ML, Scope.ML, Scope.ADMIN),
)
"""The first that covers a path wins."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes; `path` is decoded and safe to encode and send on."""

    route: Route
    path: str


def find_target(public_path: str) -> Target | None:
    """The target of a decoded public path.

    None for no route, and for a path that the gateway and a service could read differently.
    """
    path = public_path.removeprefix(PUBLIC_PREFIX)
    if path == public_path or _is_ambiguous(path):
        return None
    return next((Target(route, path) for route in ROUTES if route.covers(path)), None)


def get_route_prefix(public_path: str) -> str:
    """The prefix of the route that a public path is of, `own` for the gateway's own."""
    target = find_target(public_path)
    return "own" if target is None else target.route.prefix


def is_supported_method(method: str) -> bool:
    """Whether the gateway passes the method on at all; CONNECT, TRACE and inventions are refused."""
    return method in _READING or method in _WRITING


def is_permitted(scopes: frozenset[str], route: Route, method: str) -> bool:
    """Whether the scopes are enough for that method on that route."""
    return route.get_scope(method) in scopes


def _is_ambiguous(path: str) -> bool:
    if "\\" in path or "//" in path or not path.isprintable():
        return True
    return any(segment in (".", "..") for segment in path.split("/"))
