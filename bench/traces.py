"""The cost of traces: gateway (a hit) and books-api without, with 10 % and with all of them, in turn.

`python -m bench.traces`: CPU microseconds a request and requests a second of one process on one core; load
and collector on the other. The first run installs wrk (as root).
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from bench.gateway import COMPILED, REPEATED, SERVICE, create_token, run_gateway
from bench.gateway_load import (
    LOADING,
    TESTED,
    Load,
    LoadProfile,
    install_program,
    run_wrk,
    start_process,
    wait_for,
)
from bench.gateway_peers import FOLDER, Peer
from bench.report import ROOT, Figure, save_figures
from deploy.compiled import compile_into

from bookcore.kit.auth import DEFAULT_SCOPES, HEADER, Identity, InternalTokens, Role
from bookcore.kit.settings import DEVELOPMENT_SECRET

COLLECTOR, FIRST_PORT = 18_200, 18_201
SHARES = {"off": None, "10 %": "0.1", "all": "1"}
"""Traces: name and ratio."""


def build_settings(ratio: str | None) -> Mapping[str, str]:
    """Names without their prefix."""
    url = {} if ratio is None else {"TRACES_URL": f"http://127.0.0.1:{COLLECTOR}", "TRACES_RATIO": ratio}
    percent = str(100 * float(ratio)) if ratio else "0"
    return {**url, "GATEWAY_TRACE_PERCENT": percent}


@contextmanager
def run_books_api(folder: Path, port: int, settings: Mapping[str, str]) -> Iterator[Peer]:
    """One process on an empty catalogue."""
    env = {"DATA": str(folder), "BOOKS_API_PORT": str(port), **settings}
    named = {f"BOOKSTREAM_{name}": value for name, value in env.items()}
    log = FOLDER / f"books-api-{port}.log"
    with start_process([sys.executable, "-m", "books_api"], core=TESTED, env=named, log=log) as process:
        wait_for(f"http://127.0.0.1:{port}/health/live")
        yield Peer(f"http://127.0.0.1:{port}", process.pid)


def write_script(folder: Path) -> str:
    """Requests as the gateway sends them; a token is good for a minute, so one is written for each run."""
    who = Identity("bench", Role.READER, DEFAULT_SCOPES[Role.READER])
    script = folder / "books.lua"
    script.write_text(f'wrk.headers["{HEADER}"] = "{InternalTokens(DEVELOPMENT_SECRET).sign(who)}"\n')
    return str(script)


def measure(
    peers: Mapping[str, Peer], token: str, folder: Path, *, rounds: int, seconds: int
) -> list[Figure]:
    """Each in turn, for some rounds; ratios to what has none."""
    found: dict[str, list[Load]] = {}
    for _ in range(rounds):
        for name, peer in peers.items():
            is_gateway = name.startswith("gateway")
            path = REPEATED if is_gateway else "/books?limit=20"
            profile = LoadProfile(seconds, script="" if is_gateway else write_script(folder))
            found.setdefault(name, []).append(run_wrk(peer.address + path, token, profile, pid=peer.pid))
    figures = []
    for name, loads in found.items():
        alone = found[f"{name.split(',')[0]}, traces off"]
        rates = [load.requests / load.seconds for load in loads]
        costs = [load.cpu / base.cpu for load, base in zip(loads, alone, strict=True)]
        figures += [
            Figure(name, statistics.median(load.cpu for load in loads), "CPU us/request"),
            Figure(f"{name}, rate", statistics.median(rates), "requests/s"),
            Figure(f"{name}, ratio to off", statistics.median(costs), "x"),
            Figure(f"{name}, failed", sum(load.failed for load in loads), "requests"),
        ]
    return figures


def main(
    rounds: Annotated[int, typer.Option(help="Interleaved rounds.")] = 3,
    seconds: Annotated[int, typer.Option(help="Of load in each run.")] = 3,
    *,
    compiled: Annotated[bool, typer.Option("--compiled", help="Compile the gateway's data plane.")] = False,
) -> None:
    """Measures and prints one line per figure."""
    install_program("wrk", "wrk")
    FOLDER.mkdir(parents=True, exist_ok=True)
    if compiled:
        compile_into(COMPILED)
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        for port in (SERVICE, COLLECTOR):  # a service that costs nothing, and a collector that takes anything
            command = [sys.executable, "-m", "bench.gateway_service", str(port)]
            stack.enter_context(start_process(command, core=LOADING, env={"PYTHONPATH": str(ROOT)}))
        peers, port = {}, FIRST_PORT
        for name, ratio in SHARES.items():
            settings = build_settings(ratio)
            code = COMPILED if compiled else ROOT
            peers[f"gateway, traces {name}"] = stack.enter_context(
                run_gateway(folder, port, settings, code=code)
            )
            peers[f"books-api, traces {name}"] = stack.enter_context(
                run_books_api(folder, port + 1, settings)
            )
            port += 2
        token = create_token(peers["gateway, traces off"].address)
        figures = measure(peers, token, folder, rounds=rounds, seconds=seconds)
    print("\n".join(str(figure) for figure in figures))
    save_figures("traces", figures)
    if any(figure.value for figure in figures if figure.name.endswith("failed")):
        sys.exit("requests failed")


if __name__ == "__main__":
    os.chdir(ROOT)
    typer.run(main)
