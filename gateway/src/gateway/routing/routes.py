"""The route table: which path belongs to which service, which scopes it needs, what is cached."""

from dataclasses import dataclass
from enum import StrEnum

from bookcore.kit.auth import Scope

PUBLIC_PREFIX = "/v1"
PUBLIC_PREFIX_BYTES = PUBLIC_PREFIX.encode()
OWN = "own"
"""In the place of a route's prefix: the gateway's own endpoints."""
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

    `read_scope` and `write_scope` are required; `cache_group` names what a change purges together,
    None means never cached. `is_export` marks responses of any length, which have a limit of their own.
    """

    prefix: str
    service: Service
    read_scope: Scope
    write_scope: Scope
    cache_group: str | None = None
    is_export: bool = False

    def covers(self, path: str) -> bool:
        """Whether a service path is this route's."""
        return path == self.prefix or path.startswith(f"{self.prefix}/")

    def get_scope(self, method: str) -> Scope:
        """The scope that the method requires."""
        return self.read_scope if method in _READING else self.write_scope


ROUTES: tuple[Route, ...] = (
    Route("/books/export", Service.BOOKS, Scope.BOOKS_READ, Scope.BOOKS_WRITE, is_export=True),
    Route("/books", Service.BOOKS, Scope.BOOKS_READ, Scope.BOOKS_WRITE, cache_group="books"),
    Route("/categories", Service.BOOKS, Scope.BOOKS_READ, Scope.BOOKS_WRITE, cache_group="books"),
    Route("/category-tree", Service.BOOKS, Scope.BOOKS_READ, Scope.BOOKS_WRITE),
    Route("/changes", Service.BOOKS, Scope.BOOKS_READ, Scope.BOOKS_WRITE),
    Route("/statistics", Service.BOOKS, Scope.BOOKS_READ, Scope.BOOKS_WRITE, cache_group="books"),
    Route("/sources", Service.BOOKS, Scope.BOOKS_READ, Scope.BOOKS_WRITE),
    Route("/search", Service.SEARCH, Scope.SEARCH, Scope.SEARCH),
    Route("/ml/predict", Service.ML, Scope.ML, Scope.ML),
    Route("/ml", Service.ML, Scope.ML, Scope.ADMIN),
)
"""The first that covers a path wins."""


@dataclass(frozen=True, slots=True)
class Target:
    """The service's path of a request; decoded, and safe to encode and forward."""

    route: Route
    path: str


def find_target(public_path: str) -> Target | None:
    """Finds the route of a decoded public path.

    None for no route, or for a path that a service could resolve differently.
    """
    path = public_path.removeprefix(PUBLIC_PREFIX)
    if path == public_path or _is_ambiguous(path):
        return None
    return next((Target(route, path) for route in ROUTES if route.covers(path)), None)


def covers_path(public_path: str) -> bool:
    """Whether a decoded public path is below the prefix of some route."""
    path = public_path.removeprefix(PUBLIC_PREFIX)
    return path != public_path and any(route.covers(path) for route in ROUTES)


def get_route_prefix(public_path: str) -> str:
    """The prefix of the path's route, or OWN."""
    target = find_target(public_path)
    return OWN if target is None else target.route.prefix


def is_supported_method(method: str) -> bool:
    """Whether the gateway forwards the method; CONNECT, TRACE and unknown ones are refused."""
    return method in _READING or method in _WRITING


def is_permitted(scopes: frozenset[str], route: Route, method: str) -> bool:
    """Whether the scopes allow the method on the route."""
    return route.get_scope(method) in scopes


def _is_ambiguous(path: str) -> bool:
    if "\\" in path or "//" in path or not path.isprintable():
        return True
    return any(segment in (".", "..") for segment in path.split("/"))
