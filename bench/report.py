"""Figures of a benchmark: printed as they come, kept as JSON, shown in docs/benchmarks.md."""

import json
import platform
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from os import cpu_count
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Figure:
    """`goal` None: for orientation; else the least, or with `at_most` the most, that was asked for."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    at_most: bool = False

    @property
    def is_ok(self) -> bool:
        """Whether the goal is reached; always without one."""
        if self.goal is None:
            return True
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    @property
    def goal_text(self) -> str:
        """The goal as text."""
        return "-" if self.goal is None else f"{'<=' if self.at_most else '>='} {self.goal:g}"

    @property
    def digits(self) -> int:
        """Decimals that say something: small figures have more."""
        return 2 if abs(self.value) >= 1 or self.value == 0 else 4

    def __str__(self) -> str:
        value = f"{self.value:.{self.digits}f}"
        return f"{self.name} {value} {self.unit} {self.goal_text} {'ok' if self.is_ok else 'short'}"


def save_figures(benchmark: str, figures: list[Figure]) -> None:
    """Write bench/results/<benchmark>.json."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    rows = [{k: v for k, v in {**asdict(f), "ok": f.is_ok}.items() if k != "at_most"} for f in figures]
    (RESULTS / f"{benchmark}.json").write_text(json.dumps(rows, indent=2))


def write_docs_table(benchmark: str, figures: list[Figure], *, command: str) -> None:
    """Replace the benchmark's table in docs/benchmarks.md."""
    machine = (
        f"{cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )
    head = f"Measured {datetime.now(UTC):%Y-%m-%d} with `{command}` on {machine}.\n"
    rows = [
        f"| {f.name} | {f.value:.{f.digits}f} | {f.unit} | {f.goal_text} | {'ok' if f.is_ok else 'short'} |"
        for f in figures
    ]
    table = "\n".join([head, "| figure | value | unit | asked for | |", "|---|--:|---|---|---|", *rows])
    begin, end = f"<!-- {benchmark}: begin -->", f"<!-- {benchmark}: end -->"
    text = PAGE.read_text()
    PAGE.write_text(re.sub(f"{begin}.*{end}", f"{begin}\n{table}\n{end}", text, flags=re.DOTALL))
