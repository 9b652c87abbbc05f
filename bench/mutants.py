"""Mutation tests of the pure rooms: `python -m bench.mutants [--docs] [ROOM ...]` (make mutants).

cosmic-ray changes one expression at a time in a copy of the sources and runs the room's tests. A mutant that
the tests notice is killed. Writes bench/results/mutants.json; `--docs` writes the table into
docs/benchmarks.md.
"""

import json
import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.report import Figure, save_figures, write_docs_table

ROOT = Path(__file__).parent.parent
GOAL = 85.0
_TOLD_EVERY = 25
_COPIED = ("libs", "services", "gateway", "tests", "docs", "pyproject.toml", "README.md")


@dataclass(frozen=True, slots=True)
class Room:
    """Modules that are changed, and the tests that must notice."""

    modules: Sequence[str]
    tests: Sequence[str]


_DOMAIN = "libs/bookcore/src/bookcore/domain"
ROOMS = {
    "domain": Room(
        [f"{_DOMAIN}/{name}.py" for name in ("book", "change", "normalise", "printed_details", "rejection")],
        ["tests/unit/bookcore/domain"],
    ),
    "text": Room(["libs/bookcore/src/bookcore/search/text.py"], ["tests/unit/bookcore/search/test_text.py"]),
    "fold": Room(
        ["libs/bookcore/src/bookcore/catalogue/fold.py"], ["tests/contract/test_catalogue_sqlite.py"]
    ),
    "gcra": Room(["gateway/src/gateway/ratelimit/gcra.py"], ["tests/unit/gateway/ratelimit/test_gcra.py"]),
    "freshness": Room(["gateway/src/gateway/http/caching.py"], ["tests/unit/gateway/http/test_caching.py"]),
    "gate": Room(["services/trainer/src/trainer/gate.py"], ["tests/unit/trainer/test_gate.py"]),
}


@dataclass(frozen=True, slots=True)
class Score:
    """Mutants of a room by result; the survivors as file, line and operator."""

    executed: int
    killed: int
    survivors: Sequence[str]

    @property
    def percent(self) -> float:
        """Share of killed mutants."""
        return 100 * self.killed / self.executed if self.executed else 0.0


def run_room(name: str, room: Room) -> Score:
    """Runs all mutants of a room in a copy of the sources. Raises: CalledProcessError when the tests fail
    without one.
    """
    with TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in _COPIED:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / part)
        paths = [*copy.glob("libs/*/src"), *copy.glob("services/*/src"), *copy.glob("*/src"), copy, ROOT]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        order = copy / "order.json"
        order.write_text(json.dumps({"modules": list(room.modules), "tests": list(room.tests)}))
        results = list(_run_mutants(name, order, environment))
    survivors = sorted(str(result["place"]) for result in results if not result["is_killed"])
    return Score(len(results), len(results) - len(survivors), survivors)


def _run_mutants(name: str, order: Path, environment: Mapping[str, str]) -> Iterator[dict[str, object]]:
    """Each result, as it comes; tells the progress on standard error."""
    command = [sys.executable, "-m", "bench.mutant_runner", str(order)]
    with subprocess.Popen(
        command, cwd=order.parent, env=environment, stdout=subprocess.PIPE, text=True
    ) as runner:
        assert runner.stdout is not None
        total = runner.stdout.readline().strip()
        for number, line in enumerate(runner.stdout, start=1):
            if number % _TOLD_EVERY == 0:
                sys.stderr.write(f"{name}: {number} of {total} mutants\n")
            yield json.loads(line)
    if runner.returncode:
        raise subprocess.CalledProcessError(runner.returncode, command)


def measure(names: Sequence[str]) -> Iterator[Figure]:
    """Two rooms at a time; prints the survivors."""
    with ThreadPoolExecutor(2) as threads:
        scores = dict(zip(names, threads.map(lambda name: run_room(name, ROOMS[name]), names), strict=True))
    for name, score in scores.items():
        for survivor in score.survivors:
            sys.stderr.write(f"survived {survivor}\n")
        yield Figure(f"{name}_mutants", score.executed, "executed")
        yield Figure(f"{name}_killed", score.percent, "%", goal=GOAL)
    executed, killed = sum(s.executed for s in scores.values()), sum(s.killed for s in scores.values())
    yield Figure("all_mutants", executed, "executed", goal=1)
    yield Figure("all_killed", 100 * killed / max(executed, 1), "%", goal=GOAL)


def main() -> int:
    """0 when every mutant ran, whatever the score."""
    parser = ArgumentParser(description="Mutation tests of the pure rooms.")
    parser.add_argument("rooms", nargs="*", default=list(ROOMS), metavar="ROOM", help=", ".join(ROOMS))
    parser.add_argument("--docs", action="store_true", help="write the table into docs/benchmarks.md")
    options = parser.parse_args()
    figures = []
    for figure in measure(options.rooms):
        sys.stdout.write(f"{figure}\n")
        figures.append(figure)
    save_figures("mutants", figures)
    if options.docs:
        write_docs_table("mutants", figures, command="make mutants")
    return 0


if __name__ == "__main__":
    sys.exit(main())
