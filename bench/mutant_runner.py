"""Runs a room's tests against its mutants, each in a fork: `python -m bench.mutant_runner FILE`.

Started by bench.mutants inside a copy of the sources. FILE holds `modules` and `tests` as JSON. A fork has
every third-party module that the tests import, and imports our own anew, so a mutant costs its tests only.
Prints the number of mutants, then one line of JSON for each. Time is that of the processor, so that a busy
machine kills no mutant.
"""

import importlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import hypothesis
import pytest
from cosmic_ray.commands import init
from cosmic_ray.mutating import use_mutation
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import WorkItem

_LEAST_SECONDS, _FACTOR = 5.0, 10.0
"""A mutant whose tests take ten times the CPU seconds as without it, and five at least, is killed."""
_PHASES = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
"""Any failing example will do: none is made smaller."""
_BLOCKED_SECONDS = 600.0
"""A mutant that waits for ever is killed, too."""
_OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore::pytest.PytestWarning")


class TestOrder:
    """A plugin: the tests that took least run first, since most mutants are noticed by any of them."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self.seconds.get(item.nodeid, 0.0))


_ORDER = TestOrder()


def run_tests(tests: Sequence[str], seconds: float, *, on_end: Callable[[], None] = lambda: None) -> int:
    """Exit status of pytest in a fork, negative when a signal ended it."""
    pid = os.fork()
    if pid == 0:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.setitimer(signal.ITIMER_REAL, _BLOCKED_SECONDS)
        status = int(pytest.main([*_OPTIONS, *tests], plugins=[_ORDER]))
        on_end()
        os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def preload(tests: Sequence[str]) -> float:
    """Imports the third-party modules that the tests use; returns the tests' CPU seconds afterwards.

    Raises: SystemExit when the tests fail without a mutant.
    """
    listing = Path("loaded.json")

    def save() -> None:
        modules = [name for name, module in sys.modules.items() if _is_foreign(module)]
        listing.write_text(json.dumps({"modules": modules, "seconds": _ORDER.seconds}))

    if run_tests(tests, 600, on_end=save):
        sys.exit(f"the tests fail without a mutant: {' '.join(tests)}")
    loaded = json.loads(listing.read_text())
    _ORDER.seconds = loaded["seconds"]
    for name in loaded["modules"]:
        try:
            importlib.import_module(name)
        except ImportError:  # made at run time by another module
            continue
    before = _read_cpu_seconds()
    if run_tests(tests, 600):
        sys.exit(f"the tests fail in a fork: {' '.join(tests)}")
    return _read_cpu_seconds() - before


def _read_cpu_seconds() -> float:
    """Of the forks that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def list_mutants(modules: Sequence[str]) -> list[WorkItem]:
    """One expression changed in each."""
    with use_db("mutants.sqlite", WorkDB.Mode.create) as database:
        init([Path(module) for module in modules], database, {})
        return list(database.work_items)


def _is_foreign(module: object) -> bool:
    path = getattr(module, "__file__", None) or ""
    return "site-packages" in path or path.startswith(sys.base_prefix)


def main() -> None:
    """Reads the file, runs every mutant, prints its module, line, operator and whether it was killed."""
    hypothesis.settings.register_profile("mutants", phases=_PHASES, database=None, deadline=None)
    hypothesis.settings.load_profile("mutants")
    order = json.loads(Path(sys.argv[1]).read_text())
    seconds = max(_LEAST_SECONDS, _FACTOR * preload(order["tests"]))
    mutants = list_mutants(order["modules"])
    sys.stdout.write(f"{len(mutants)}\n")
    for item in mutants:
        mutation = item.mutations[0]
        operator = get_operator(mutation.operator_name)(**mutation.operator_args)
        with use_mutation(mutation.module_path, operator, mutation.occurrence) as (_, mutated):
            if mutated is None:
                continue
            is_killed = run_tests(order["tests"], seconds) != 0
        place = f"{mutation.module_path}:{mutation.start_pos[0]} {mutation.operator_name.rpartition('/')[2]}"
        sys.stdout.write(json.dumps({"place": place, "is_killed": is_killed}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
