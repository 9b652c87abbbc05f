"""What a request's target means: the route, the target at the service, and where its answer is kept."""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from gateway.http.caching import cache_key
from gateway.routing.cache_tags import tags_of
from gateway.routing.routes import Route, target_of

LONGEST_TARGET = 8_192
_TARGET = re.compile(rb"/[!\"$-~]*")
"""As the parser takes it: visible ASCII without a fragment."""
_PATH_SAFE = "/:@!$&'()*+,;=~"
_QUERY_SAFE = "/:@!$&'()*+,;=~?%[]{}|\\^`\"<>"


@dataclass(frozen=True, slots=True)
class Plan:
    """`target` is what the service is asked for; `key` is empty where nothing is kept."""

    route: Route
    path: str
    target: bytes
    key: str
    tags: tuple[str, ...]


def plan_of(path: str, query: bytes) -> Plan | None:
    """The plan for a decoded public path and a raw query; None for no route, and for an ambiguous path."""
    found = target_of(path)
    if found is None:
        return None
    asked = quote(query, safe=_QUERY_SAFE)
    target = quote(found.path, safe=_PATH_SAFE) + (f"?{asked}" if asked else "")
    if found.route.cache_group is None:
        return Plan(found.route, found.path, target.encode(), "", ())
    key = f"answer:{found.route.cache_group}:{cache_key(found.path, query)}"
    return Plan(found.route, found.path, target.encode(), key, tags_of(found.path, query))


def plan_of_target(target: bytes) -> Plan | None:
    """The plan for a request target as it came; None for what needs a closer look."""
    if _TARGET.fullmatch(target) is None:
        return None
    path, _, query = target.partition(b"?")
    return plan_of(unquote(path.decode("ascii")), query)
