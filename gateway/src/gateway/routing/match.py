"""What a request's target means: the route, the target at the service, and where its answer is kept."""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from gateway.http.caching import build_cache_key
from gateway.routing.cache_tags import build_tags
from gateway.routing.routes import Route, find_target

MAX_TARGET_BYTES = 8_192
_TARGET = re.compile(rb"/[!\"$-~]*")
"""As the parser takes it: visible ASCII without a fragment."""
_PATH_SAFE = "/:@!$&'()*+,;=~"
_QUERY_SAFE = "/:@!$&'()*+,;=~?%[]{}|\\^`\"<>"


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """`target` is what the service is asked for; `key` is empty where nothing is kept."""

    route: Route
    path: str
    target: bytes
    cache_key: str
    tags: tuple[str, ...]


def match_path(path: str, query: bytes) -> RouteMatch | None:
    """The plan for a decoded public path and a raw query; None for no route, and for an ambiguous path."""
    found = find_target(path)
    if found is None:
        return None
    asked = quote(query, safe=_QUERY_SAFE)
    target = quote(found.path, safe=_PATH_SAFE) + (f"?{asked}" if asked else "")
    if found.route.cache_group is None:
        return RouteMatch(found.route, found.path, target.encode(), "", ())
    key = f"answer:{found.route.cache_group}:{build_cache_key(found.path, query)}"
    return RouteMatch(found.route, found.path, target.encode(), key, build_tags(found.path, query))


def match_target(target: bytes) -> RouteMatch | None:
    """The plan for a request target as it came; None for what needs a closer look."""
    if _TARGET.fullmatch(target) is None:
        return None
    path, _, query = target.partition(b"?")
    return match_path(unquote(path.decode("ascii")), query)
