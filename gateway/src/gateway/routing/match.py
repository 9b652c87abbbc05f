"""Matches a request target to its route, its target at the service and its cache key."""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from gateway.http.caching import build_cache_key
from gateway.routing.cache_tags import build_tags
from gateway.routing.routes import Route, find_target

MAX_TARGET_BYTES = 8_192
_TARGET = re.compile(rb"/[!\"$-~]*")
"""What httptools accepts: visible ASCII without a fragment."""
_PATH_SAFE = "/:@!$&'()*+,;=~"
_QUERY_SAFE = "/:@!$&'()*+,;=~?%[]{}|\\^`\"<>"


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """`target` is the service's; `cache_key` is "" where nothing is cached."""

    route: Route
    path: str
    target: bytes
    cache_key: str
    tags: tuple[str, ...]


def match_path(path: str, query: bytes) -> RouteMatch | None:
    """Matches a decoded public path and a raw query; None for no route or an ambiguous path."""
    service_target = find_target(path)
    if service_target is None:
        return None
    route, path = service_target.route, service_target.path
    encoded_query = quote(query, safe=_QUERY_SAFE)
    target = (quote(path, safe=_PATH_SAFE) + (f"?{encoded_query}" if encoded_query else "")).encode()
    if route.cache_group is None:
        return RouteMatch(route, path, target, "", ())
    key = f"answer:{route.cache_group}:{build_cache_key(path, query)}"
    return RouteMatch(route, path, target, key, build_tags(path, query))


def match_target(target: bytes) -> RouteMatch | None:
    """Matches a request target as received; None for what the ASGI app must check."""
    if _TARGET.fullmatch(target) is None:
        return None
    path, _, query = target.partition(b"?")
    return match_path(unquote(path.decode("ascii")), query)
