"""Gateway: requests, errors, durations; connections, cache, upstreams."""

from deploy.observability.panels import (
    STATUSES,
    Board,
    Panel,
    Query,
    Row,
    build_quantile,
    build_rate,
    build_statuses,
)

_REQUESTS = Row(
    "Requests",
    (
        Panel(
            "Requests by route",
            "reqps",
            "By prefix of the route; `own` is the gateway's. Healthy: its usual course of the day.",
            (Query(build_rate("gateway_requests_total", "route"), "{{route}}"),),
        ),
        Panel(
            "Errors by status",
            "reqps",
            "Responses of status 4xx and 5xx. Healthy: no 5xx; 401, 403 and 429 are callers' own.",
            (Query(build_rate('gateway_requests_total{status=~"[45].."}', "status"), "{{status}}"),),
        ),
        Panel(
            "Latency by route",
            "s",
            "99th percentile. Healthy: below 250 ms, exports left out.",
            (Query(build_quantile(0.99, "gateway_request_seconds", "route"), "{{route}}"),),
            limit=0.25,
        ),
    ),
)
_CLIENTS = Row(
    "Clients",
    (
        Panel(
            "Connections",
            "none",
            "Open connections of clients, and those of them that are WebSockets. Healthy: level.",
            (
                Query("sum(gateway_connections)", "connections"),
                Query("sum(gateway_websockets)", "WebSockets"),
            ),
        ),
        Panel(
            "Limited clients",
            "reqps",
            "Refused by the limit of their address, counted per process without the cache server, or "
            "disconnected because they read too slowly. Healthy: near 0.",
            (
                Query(build_rate("gateway_address_limited_requests_total"), "refused by address"),
                Query(build_rate("gateway_requests_counted_locally_total"), "counted per process"),
                Query(build_rate("gateway_slow_readers_total"), "slow readers"),
            ),
        ),
        Panel(
            "Cached responses",
            "bytes",
            "Memory of cached responses. Healthy: level below the limit of the settings.",
            (Query("sum(gateway_cache_bytes)", "bytes"),),
        ),
    ),
)
_UPSTREAMS = Row(
    "Upstreams",
    (
        Panel(
            "Requests under way",
            "none",
            "Waiting for a service. Healthy: low; a rise is a slow service.",
            (Query("sum by (service) (gateway_upstream_outstanding)", "{{service}}"),),
            colours=("books-api", "search-api", "ml-api"),
        ),
        Panel(
            "Failures by reason",
            "reqps",
            "Requests to a service without a complete response. Healthy: none.",
            (
                Query(
                    build_rate("gateway_upstream_request_failures_total", "service, reason"),
                    "{{service}} {{reason}}",
                ),
            ),
        ),
        Panel(
            "Ejected addresses and open breakers",
            "none",
            "Addresses left out for a while, and services given up. Healthy: 0.",
            (
                Query("max by (service) (gateway_upstream_ejected)", "{{service}} ejected"),
                Query("max by (service) (gateway_upstream_breaker_open)", "{{service}} breaker"),
            ),
            limit=1,
        ),
    ),
)


def _build_service_panel(name: str) -> Panel:
    return Panel(
        f"{name}: requests by status",
        "reqps",
        f"Responses of {name} itself. Healthy: no 5xx.",
        (build_statuses(f"{name.replace('-', '_')}_requests_total"),),
        colours=STATUSES,
    )


def _build_latency(name: str) -> Query:
    return Query(build_quantile(0.99, f"{name.replace('-', '_')}_request_seconds"), name)


_SERVICES = Row(
    "Services",
    (
        *(_build_service_panel(name) for name in ("books-api", "search-api", "ml-api")),
        Panel(
            "Latency of services",
            "s",
            "99th percentile in each service, without the gateway. Healthy: below 100 ms.",
            [_build_latency(name) for name in ("books-api", "search-api", "ml-api")],
            limit=0.1,
        ),
    ),
)
GATEWAY = Board(
    "gateway",
    "Bookstream: gateway",
    "Requests, errors and durations of gateway and services.",
    (_REQUESTS, _CLIENTS, _UPSTREAMS, _SERVICES),
)
