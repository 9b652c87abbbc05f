"""Which address goes to which service, who may use it, and what may be cached."""

from dataclasses import dataclass
from enum import StrEnum

from bookcore.kit.auth import Role

PUBLIC_PREFIX = "/v1"
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

    `cache_group` names what a change drops together; None means never cached. `asks_by_post`: a POST here
    only asks, so that readers may.
    """

    prefix: str
    service: Service
    cache_group: str | None = None
    asks_by_post: bool = False

    def covers(self, path: str) -> bool:
        """Whether a service path is this route's."""
        return path == self.prefix or path.startswith(f"{self.prefix}/")


ROUTES: tuple[Route, ...] = (
    Route("/books/export", Service.BOOKS),
    Route("/books", Service.BOOKS, cache_group="books"),
    Route("/categories", Service.BOOKS, cache_group="books"),
    Route("/statistics", Service.BOOKS, cache_group="books"),
    Route("/search", Service.SEARCH),
    Route("/ml/predict", Service.ML, asks_by_post=True),
    Route("/ml", Service.ML),
)
"""The first that covers a path wins."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes; `path` is decoded and safe to encode and send on."""

    route: Route
    path: str


def target_of(public_path: str) -> Target | None:
    """The target of a decoded public path.

    None for no route, and for a path that the gateway and a service could read differently.
    """
    path = public_path.removeprefix(PUBLIC_PREFIX)
    if path == public_path or _is_ambiguous(path):
        return None
    return next((Target(route, path) for route in ROUTES if route.covers(path)), None)


def is_known_method(method: str) -> bool:
    """Whether the gateway passes the method on at all; CONNECT, TRACE and inventions are refused."""
    return method in _READING or method in _WRITING


def may(role: Role, method: str, *, asks_by_post: bool = False) -> bool:
    """Readers read, and post where that only asks; every other method needs an admin."""
    return method in _READING or role is Role.ADMIN or (asks_by_post and method == "POST")


def _is_ambiguous(path: str) -> bool:
    if "\\" in path or "//" in path or not path.isprintable():
        return True
    return any(segment in (".", "..") for segment in path.split("/"))
