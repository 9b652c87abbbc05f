"""The gateway against Envoy, nginx with LuaJIT and the usual FastAPI, in turn: `make bench-gateway`.

CPU microseconds a request of the whole process tree on one core; service, cache server and load on the other.
"""

import json
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import psutil
import typer
from bench.gateway_load import LOADING, TESTED, Load, need, started, wait_for, wrk
from bench.gateway_peers import FOLDER, Peer, Site, envoy, nginx, usual
from bench.gateway_tests import idle_memory, purge_times, reads_with_one_failing
from bench.report import ROOT, Figure, keep, show_in_docs

ADMIN = {"email": "bench@example.org", "password": "a password of the bench"}
SERVICE, OURS, LOGGED, LOCAL, ENVOY, NGINX, USUAL = 18_190, 18_191, 18_192, 18_193, 18_194, 18_195, 18_196
REPEATED, SEARCH = "/v1/books?limit=20", "/v1/search?q=light"
VARIED = """
local n = 0
request = function()
  n = n + 1
  local headers = {["Authorization"] = wrk.headers["Authorization"], ["X-Request-Id"] = "bench-" .. n}
  return wrk.format("GET", "/v1/books?limit=" .. (n % 100 + 1), headers)
end
"""


@dataclass
class Rounds:
    """What was measured, by name."""

    found: dict[str, list[Load]] = field(default_factory=dict)

    def add(self, name: str, load: Load) -> None:
        """One more run."""
        print(
            f"  {name}: {load.cpu:.1f} us, {load.requests / load.seconds:.0f}/s, {load.failed} failed",
            flush=True,
        )
        self.found.setdefault(name, []).append(load)

    def cpu(self, name: str) -> float:
        """The median."""
        return statistics.median(load.cpu for load in self.found[name])

    def ratio(self, name: str, peer: str) -> float:
        """The median of the ratios of each round."""
        pairs = zip(self.found[name], self.found[peer], strict=True)
        return statistics.median(ours.cpu / theirs.cpu for ours, theirs in pairs)


@contextmanager
def gateway(folder: Path, port: int, **settings: str) -> Iterator[Peer]:
    """Ours, one process."""
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
        "GATEWAY_TOKEN_SECONDS": "86400",
        "GATEWAY_CACHE_SECONDS": "3600",
        "GATEWAY_ACCESS_LOG": "false",
        "GATEWAY_TRACE_PERCENT": "0",
        **settings,
    }
    named = {f"BOOKSTREAM_{name}": value for name, value in env.items()}
    log = FOLDER / f"gateway-{port}.log"
    with started([sys.executable, "-m", "gateway"], core=TESTED, env=named, log=log) as process:
        wait_for(f"http://127.0.0.1:{port}/health/live")
        yield Peer(f"http://127.0.0.1:{port}", process.pid)


def token_of(address: str) -> str:
    """An access token for a day."""
    body = json.dumps(ADMIN).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/v1/auth/login", body, headers)
    with urllib.request.urlopen(request) as answer:
        return str(json.load(answer)["access_token"])


def compare(peers: dict[str, Peer], site: Site, rounds: int, seconds: int) -> Rounds:
    """Every peer in turn, some rounds."""
    varied = FOLDER / "varied.lua"
    varied.write_text(VARIED)
    found = Rounds()
    server = server_of(site.redis)
    for n in range(rounds):
        print(f"round {n + 1}", flush=True)
        for name, peer in peers.items():
            url = peer.address + REPEATED
            wait_for(url, headers=site.bearer)
            found.add(f"hit, {name}", wrk(url, site.token, pid=peer.pid, seconds=seconds, server=server))
        for name in ("gateway", "envoy"):
            peer = peers[name]
            load = wrk(peer.address, site.token, pid=peer.pid, seconds=seconds, script=str(varied))
            found.add(f"hit with other headers each time, {name}", load)
        for name in ("gateway", "gateway without a cache server", "envoy", "usual FastAPI"):
            peer = peers[name]
            found.add(f"miss, {name}", wrk(peer.address + SEARCH, site.token, pid=peer.pid, seconds=seconds))
    return found


def server_of(redis: str) -> int:
    """The process that listens on the cache server's port; 0 when it can't be seen."""
    port = int(redis.rpartition(":")[2].partition("/")[0])
    for connection in psutil.net_connections("tcp"):
        if connection.laddr and connection.laddr.port == port and connection.status == "LISTEN":
            return connection.pid or 0
    return 0


def figures_of(rounds: Rounds) -> list[Figure]:
    """Medians and ratios."""
    plain = [Figure(name, rounds.cpu(name), "CPU us/request") for name in rounds.found]
    hit = "hit, gateway"
    ratios = [
        Figure("hit against envoy", rounds.ratio(hit, "hit, envoy"), "x", 0.8, at_most=True),
        Figure(
            "hit against nginx + LuaJIT", rounds.ratio(hit, "hit, nginx + LuaJIT"), "x", 0.7, at_most=True
        ),
        Figure(
            "hit, usual FastAPI against the gateway", 1 / rounds.ratio(hit, "hit, usual FastAPI"), "x", 12
        ),
        Figure(
            "hit with other headers each time against envoy",
            rounds.ratio(
                "hit with other headers each time, gateway", "hit with other headers each time, envoy"
            ),
            "x",
        ),
        Figure("miss, counted globally, against envoy", rounds.ratio("miss, gateway", "miss, envoy"), "x"),
        Figure(
            "miss, counted locally as envoy does, against envoy",
            rounds.ratio("miss, gateway without a cache server", "miss, envoy"),
            "x",
            0.7,
            at_most=True,
        ),
        Figure(
            "miss, usual FastAPI against the gateway",
            1 / rounds.ratio("miss, gateway", "miss, usual FastAPI"),
            "x",
            12,
        ),
        Figure("access log and 10 % tracing", extra(rounds), "CPU us/request", 5, at_most=True),
    ]
    server = statistics.median(load.server_cpu for load in rounds.found[hit])
    return [*plain, *ratios, Figure("the cache server's own part of a hit", server, "CPU us/request")]


def extra(rounds: Rounds) -> float:
    """What the log costs: the median of the differences of each round."""
    logged, plain = rounds.found["hit, gateway with log and traces"], rounds.found["hit, gateway"]
    return statistics.median(a.cpu - b.cpu for a, b in zip(logged, plain, strict=True))


def main(
    *,
    redis: Annotated[str, typer.Option(help="redis://... of a cache server that may be written to.")] = "",
    rounds: Annotated[int, typer.Option(help="Interleaved rounds.")] = 3,
    seconds: Annotated[int, typer.Option(help="Of load in each run.")] = 3,
    docs: Annotated[bool, typer.Option("--docs", help="Write the table into docs/benchmarks.md.")] = False,
) -> None:
    """Measure and print one line per figure: name value unit goal ok|short."""
    address = redis or os.environ["BOOKSTREAM_CACHE_URL"]
    need("wrk", "wrk")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        enter = stack.enter_context
        enter(started([sys.executable, "-m", "bench.gateway_service", str(SERVICE)], core=LOADING))
        ours = enter(gateway(folder, OURS, CACHE_URL=f"{address}?prefix=bench{time.time():.0f}:"))
        jwks = wait_for(f"{ours.address}/.well-known/jwks.json").decode()
        site = Site(SERVICE, address, jwks, token_of(ours.address))
        logged = {"GATEWAY_ACCESS_LOG": "true", "GATEWAY_TRACE_PERCENT": "10"}
        prefix = f"{address}?prefix=bench-log{time.time():.0f}:"
        peers = {
            "gateway": ours,
            "gateway with log and traces": enter(gateway(folder, LOGGED, CACHE_URL=prefix, **logged)),
            "gateway without a cache server": enter(gateway(folder, LOCAL, CACHE_URL="memory://")),
            "envoy": enter(envoy(site, ENVOY)),
            "nginx + LuaJIT": enter(nginx(site, NGINX)),
            "usual FastAPI": enter(usual(site, USUAL)),
        }
        found = compare(peers, site, rounds, seconds)
        figures = figures_of(found) + behaviour(folder, ours, site)
    print("\n".join(str(figure) for figure in figures))
    keep("gateway", figures)
    if docs:
        show_in_docs("gateway", figures, command="make bench-gateway")
    failed = sum(load.failed for loads in found.found.values() for load in loads)
    if failed:
        sys.exit(f"{failed} requests failed")


def behaviour(folder: Path, ours: Peer, site: Site) -> list[Figure]:
    """What isn't a cost: purges, idle connections, a failing service."""
    purges = purge_times(ours.address, site.token, log=f"sqlite://{folder}/log.db")
    failing = reads_with_one_failing(gateway, folder, site)
    return [
        Figure("event to purge, p50", statistics.median(purges), "ms"),
        Figure("event to purge, p99", sorted(purges)[int(len(purges) * 0.99)], "ms", 50, at_most=True),
        Figure("memory with 10,000 idle connections", idle_memory(ours), "MB", 200, at_most=True),
        Figure("failed reads with one of three services failing", failing, "", 0, at_most=True),
    ]


if __name__ == "__main__":
    os.chdir(ROOT)
    typer.run(main)
