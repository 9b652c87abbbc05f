import pytest

from bookcore.kit.auth import DEFAULT_SCOPES, Role, Scope
from gateway.routing.routes import ROUTES, Service, find_target, is_permitted


@pytest.mark.parametrize(
    ("path", "service", "group"),
    [
        ("/v1/books", Service.BOOKS, "books"),
        ("/v1/books/shop:u1/history", Service.BOOKS, "books"),
        ("/v1/books/export", Service.BOOKS, None),
        ("/v1/categories", Service.BOOKS, "books"),
        ("/v1/statistics", Service.BOOKS, "books"),
        ("/v1/search/suggest", Service.SEARCH, None),
    ],
)
def test_path_is_routed_to_its_service(path: str, service: Service, group: str | None) -> None:
    target = find_target(path)
    assert target is not None
    assert (target.route.service, target.route.cache_group) == (service, group)
    assert target.path == path.removeprefix("/v1")


@pytest.mark.parametrize(
    "path",
    [
        "/books",
        "/v1",
        "/v1/bookshelf",
        "/v1/health/ready",
        "/v1/books/../health/ready",
        "/v1/books/./x",
        "/v1/books//x",
        "/v1/books/\\x",
        "/v1/books/\x00",
        "/v1/books/\r\n",
    ],
)
def test_ambiguous_or_unknown_path_has_no_route(path: str) -> None:
    assert find_target(path) is None


def test_readers_may_read_and_editors_may_write() -> None:
    books, reader, editor = ROUTES[1], DEFAULT_SCOPES[Role.READER], DEFAULT_SCOPES[Role.EDITOR]
    allowed = [is_permitted(reader, books, method) for method in ("GET", "HEAD", "POST", "DELETE")]
    assert allowed == [True, True, False, False]
    assert all(is_permitted(editor, books, method) for method in ("GET", "PUT", "PATCH"))


def test_scope_of_one_route_permits_no_other() -> None:
    only_search = frozenset({Scope.SEARCH})
    assert [route.prefix for route in ROUTES if is_permitted(only_search, route, "GET")] == ["/search"]
