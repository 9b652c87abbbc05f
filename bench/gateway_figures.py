"""The figures of the gateway's benchmark."""

import statistics
from dataclasses import dataclass, field

from bench.gateway_load import Load
from bench.report import Figure

MANY = 128
"""Connections of the runs with many connections."""


@dataclass
class Rounds:
    """Measured loads by name."""

    found: dict[str, list[Load]] = field(default_factory=dict)

    def add(self, name: str, load: Load) -> None:
        """Adds a run."""
        print(
            f"  {name}: {load.cpu:.1f} us, {load.requests / load.seconds:.0f}/s, {load.failed} failed",
            flush=True,
        )
        self.found.setdefault(name, []).append(load)

    def get_median_cpu(self, name: str) -> float:
        """The median."""
        return statistics.median(load.cpu for load in self.found[name])

    def get_median_ratio(self, name: str, peer: str) -> float:
        """The median of the ratios of each round."""
        pairs = zip(self.found[name], self.found[peer], strict=True)
        return statistics.median(ours.cpu / theirs.cpu for ours, theirs in pairs)


def build_figures(rounds: Rounds) -> list[Figure]:
    """Builds the figures: medians and ratios."""
    plain = [Figure(name, rounds.get_median_cpu(name), "CPU us/request") for name in rounds.found]
    many = f"{MANY} connections, "
    ratios = [
        _compare(rounds, "hit, gateway", "hit, envoy", "hit against envoy", most=0.8),
        _compare(rounds, "hit, gateway", "hit, nginx + LuaJIT", "hit against nginx + LuaJIT", most=0.7),
        _compare(
            rounds,
            "hit with other headers each time, gateway",
            "hit with other headers each time, envoy",
            "hit with other headers each time against envoy",
        ),
        _compare(
            rounds, "compressed hit, gateway", "hit, gateway", "compressed hit against a plain one", most=1.15
        ),
        _compare(rounds, "miss, gateway", "miss, envoy", "miss, counted globally, against envoy", most=0.7),
        _compare(
            rounds,
            "miss, gateway without a cache server",
            "miss, envoy",
            "miss, counted locally as envoy does, against envoy",
            most=0.7,
        ),
        *(
            _compare(
                rounds,
                f"{kind}, {many}gateway",
                f"{kind}, {many}{peer}",
                f"{kind}, {many}against {peer}",
                most=most,
            )
            for kind, peer, most in (
                ("hit", "envoy", 0.8),
                ("hit", "nginx + LuaJIT", 0.7),
                ("miss", "envoy", 0.7),
            )
        ),
        *(
            Figure(
                f"{kind}, usual FastAPI against the gateway",
                1 / rounds.get_median_ratio(f"{kind}, gateway", f"{kind}, usual FastAPI"),
                "x",
                12,
            )
            for kind in ("hit", "miss")
        ),
        Figure("access log and 10 % tracing", compute_log_cost(rounds), "CPU us/request", 5, at_most=True),
    ]
    server = statistics.median(load.server_cpu for load in rounds.found["hit, gateway"])
    return [*plain, *ratios, Figure("the cache server's own part of a hit", server, "CPU us/request")]


def compute_log_cost(rounds: Rounds) -> float:
    """The cost of the access log: the median of the differences of each round."""
    logged, plain = rounds.found["hit, gateway with log and traces"], rounds.found["hit, gateway"]
    return statistics.median(a.cpu - b.cpu for a, b in zip(logged, plain, strict=True))


def _compare(rounds: Rounds, ours: str, theirs: str, name: str, *, most: float | None = None) -> Figure:
    return Figure(name, rounds.get_median_ratio(ours, theirs), "x", most, at_most=True)
