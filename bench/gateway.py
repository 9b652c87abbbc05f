"""Compares the gateway with Envoy, nginx with LuaJIT and the usual FastAPI, in turn: `make bench-gateway`.

CPU microseconds a request of the whole process tree on one core; service, cache server and load on the other.
"""

import json
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import psutil
import typer
from bench.gateway_figures import MANY, Rounds, build_figures
from bench.gateway_load import (
    LOADING,
    TESTED,
    Latency,
    LoadProfile,
    install_program,
    measure_steady_rate,
    run_wrk,
    start_process,
    wait_for,
)
from bench.gateway_peers import FOLDER, Peer, Site, run_envoy, run_fastapi, run_nginx
from bench.gateway_tests import (
    count_failed_reads,
    measure_idle_memory,
    measure_many_connections,
    measure_purge_times,
)
from bench.report import ROOT, Figure, save_figures, write_docs_table
from deploy.compiled import compile_into

ADMIN = {"email": "bench@example.org", "password": "a password of the bench"}
SERVICE, OURS, LOGGED, LOCAL, ENVOY, NGINX, USUAL = 18_190, 18_191, 18_192, 18_193, 18_194, 18_195, 18_196
INTERPRETED, FRESH = 18_197, 18_198
COMPILED = FOLDER / "compiled"
CROWDS = 5
"""Runs with 10,000 connections."""
REPEATED, SEARCH = "/v1/books?limit=20", "/v1/search?q=light"
VARIED = """
local n = 0
request = function()
  n = n + 1
  local headers = {["Authorization"] = wrk.headers["Authorization"], ["X-Request-Id"] = "bench-" .. n}
  return wrk.format("GET", "/v1/books?limit=" .. (n % 100 + 1), headers)
end
"""


@contextmanager
def run_gateway(
    folder: Path, port: int, settings: Mapping[str, str], *, code: Path = COMPILED
) -> Iterator[Peer]:
    """Runs the gateway as one process; interpreted when `code` is the repository."""
    service = f"http://127.0.0.1:{SERVICE}"
    env = {
        "DATA": str(folder),
        "GATEWAY_PORT": str(port),
        "GATEWAY_INSTANCE": str(port),  # each has a cache of its own, so each must hear of every change
        "BOOKS_API_URLS": service,
        "SEARCH_API_URLS": service,
        "BOOTSTRAP_ADMIN_EMAIL": ADMIN["email"],
        "BOOTSTRAP_ADMIN_PASSWORD": ADMIN["password"],
        "GATEWAY_REQUESTS_PER_MINUTE": "1000000000",
        "GATEWAY_ADDRESS_REQUESTS_PER_MINUTE": "1000000000",
        "GATEWAY_TOKEN_SECONDS": "86400",
        "GATEWAY_CACHE_SECONDS": "3600",
        "GATEWAY_ACCESS_LOG": "false",
        "GATEWAY_TRACE_PERCENT": "0",
        **settings,
    }
    named = {f"BOOKSTREAM_{name}": value for name, value in env.items()} | {"PYTHONPATH": str(code)}
    log = FOLDER / f"gateway-{port}.log"
    with start_process([sys.executable, "-m", "gateway"], core=TESTED, env=named, log=log) as process:
        wait_for(f"http://127.0.0.1:{port}/health/live")
        yield Peer(f"http://127.0.0.1:{port}", process.pid)


def create_token(address: str) -> str:
    """Logs in; the access token is valid for a day."""
    body = json.dumps(ADMIN).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/v1/auth/login", body, headers)
    with urllib.request.urlopen(request) as answer:
        return str(json.load(answer)["access_token"])


def measure_peers(peers: dict[str, Peer], site: Site, rounds: int, seconds: int) -> Rounds:
    """Measures every peer in turn, for some rounds."""
    script = FOLDER / "varied.lua"
    script.write_text(VARIED)
    found, server = Rounds(), find_server(site.redis)
    usually, crowded = LoadProfile(seconds), LoadProfile(seconds, MANY)
    alone = "gateway without a cache server"
    runs = [
        ("hit", REPEATED, usually, [name for name in peers if name != alone]),
        (
            "hit with other headers each time",
            "",
            LoadProfile(seconds, script=str(script)),
            ["gateway", "envoy"],
        ),
        ("compressed hit", REPEATED, LoadProfile(seconds, encoding="gzip"), ["gateway"]),
        ("miss", SEARCH, usually, ["gateway", "gateway, interpreted", alone, "envoy", "usual FastAPI"]),
        (f"hit, {MANY} connections", REPEATED, crowded, ["gateway", "envoy", "nginx + LuaJIT"]),
        (f"miss, {MANY} connections", SEARCH, crowded, ["gateway", "envoy"]),
    ]
    for n in range(rounds):
        print(f"round {n + 1}", flush=True)
        for kind, target, pressure, names in runs:
            for name in names:
                peer = peers[name]
                wait_for(peer.address + REPEATED, headers=site.build_headers)
                load = run_wrk(peer.address + target, site.token, pressure, pid=peer.pid, server=server)
                found.add(f"{kind}, {name}", load)
    return found


def find_server(redis: str) -> int:
    """The pid that listens on the cache server's port; 0 when it is unknown."""
    port = int(redis.rpartition(":")[2].partition("/")[0])
    for connection in psutil.net_connections("tcp"):
        if connection.laddr and connection.laddr.port == port and connection.status == "LISTEN":
            return connection.pid or 0
    return 0


def main(
    *,
    redis: Annotated[str, typer.Option(help="redis://... of a cache server that may be written to.")] = "",
    rounds: Annotated[int, typer.Option(help="Interleaved rounds.")] = 3,
    seconds: Annotated[int, typer.Option(help="Of load in each run.")] = 3,
    docs: Annotated[bool, typer.Option("--docs", help="Write the table into docs/benchmarks.md.")] = False,
) -> None:
    """Measures and prints one line per figure: name value unit goal ok|short."""
    address = redis or os.environ["BOOKSTREAM_CACHE_URL"]
    install_program("wrk", "wrk")
    install_program("h2load", "nghttp2-client")
    install_program("gcc", "gcc", "libc6-dev")
    FOLDER.mkdir(parents=True, exist_ok=True)
    compile_into(COMPILED)
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        enter = stack.enter_context
        enter(start_process([sys.executable, "-m", "bench.gateway_service", str(SERVICE)], core=LOADING))
        prefix = f"{address}?prefix=bench{time.time():.0f}"
        shared = {name: {"CACHE_URL": f"{prefix}-{name}:"} for name in ("ours", "plain", "log")}
        ours = enter(run_gateway(folder, OURS, shared["ours"]))
        jwks = wait_for(f"{ours.address}/.well-known/jwks.json").decode()
        site = Site(SERVICE, address, jwks, create_token(ours.address))
        logged = {**shared["log"], "GATEWAY_ACCESS_LOG": "true", "GATEWAY_TRACE_PERCENT": "10"}
        peers = {
            "gateway": ours,
            "gateway, interpreted": enter(run_gateway(folder, INTERPRETED, shared["plain"], code=ROOT)),
            "gateway with log and traces": enter(run_gateway(folder, LOGGED, logged)),
            "gateway without a cache server": enter(run_gateway(folder, LOCAL, {"CACHE_URL": "memory://"})),
            "envoy": enter(run_envoy(site, ENVOY)),
            "nginx + LuaJIT": enter(run_nginx(site, NGINX)),
            "usual FastAPI": enter(run_fastapi(site, USUAL)),
        }
        found = measure_peers(peers, site, rounds, seconds)
        figures = build_figures(found) + measure_behaviour(folder, peers, site, found)
    print("\n".join(str(figure) for figure in figures))
    save_figures("gateway", figures)
    if docs:
        write_docs_table("gateway", figures, command="make bench-gateway")
    failed = sum(load.failed for loads in found.found.values() for load in loads)
    if failed:
        sys.exit(f"{failed} requests failed")


def measure_latencies(peers: dict[str, Peer], site: Site, found: Rounds) -> list[Figure]:
    """Of a hit, for the gateway and Envoy in turn, at 70 % of what each can do on one core with this load."""
    names, taken = ("gateway", "envoy"), dict[str, list[Latency]]()
    rates = {
        name: 0.7 * statistics.median(load.requests / load.seconds for load in found.found[f"hit, {name}"])
        for name in names
    }
    for _ in range(3):
        for name in names:
            address = peers[name].address + REPEATED
            latency = measure_steady_rate(address, site.token, rate=rates[name], seconds=3)
            taken.setdefault(name, []).append(latency)
    figures = []
    for name in names:
        figures.append(Figure(f"70 % of the highest rate, {name}", rates[name], "requests/s"))
        for quantile in Latency._fields:
            values = [getattr(latency, quantile) for latency in taken[name]]
            figures.append(
                Figure(f"{quantile} of a hit at that rate, {name}", statistics.median(values), "ms")
            )
    ratio = statistics.median(
        ours.p99 / theirs.p99 for ours, theirs in zip(taken["gateway"], taken["envoy"], strict=True)
    )
    return [*figures, Figure("p99 of a hit against envoy", ratio, "x", 1, at_most=True)]


def measure_behaviour(folder: Path, peers: dict[str, Peer], site: Site, found: Rounds) -> list[Figure]:
    """Latency under load, purges, many connections and a failing service."""
    ours = peers["gateway"]
    latencies = measure_latencies(peers, site, found)
    purges = measure_purge_times(ours.address, site.token, log=f"sqlite://{folder}/log.db")
    failing = count_failed_reads(run_gateway, folder, site)
    crowds = [measure_many_connections(ours, site, REPEATED) for _ in range(CROWDS)]
    with run_gateway(folder, FRESH, {"CACHE_URL": "memory://"}) as fresh:
        idle = measure_idle_memory(fresh)
    return [
        *latencies,
        Figure("event to purge, p50", statistics.median(purges), "ms"),
        Figure("event to purge, p99", sorted(purges)[int(len(purges) * 0.99)], "ms", 50, at_most=True),
        Figure("memory with 10,000 idle connections", idle, "MB", 200, at_most=True),
        Figure(
            f"failed requests of 10,000 connections that ask at once, most of {CROWDS} runs",
            float(max(crowd.failed for crowd in crowds)),
            "",
            0,
            at_most=True,
        ),
        Figure(
            "p99 of a hit with 10,000 busy connections",
            statistics.median(crowd.p99_ms for crowd in crowds),
            "ms",
        ),
        Figure("failed reads with one of three services failing", failing, "", 0, at_most=True),
    ]


if __name__ == "__main__":
    os.chdir(ROOT)
    typer.run(main)
