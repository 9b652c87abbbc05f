"""docs/security/asvs.md has one row for each requirement, and each row is proved or explained."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docs.generate import ROOT

PAGE = ROOT / "docs/security/asvs.md"
IDS = ROOT / "docs/security/asvs_ids.txt"
VERDICTS = ("met", "not applicable", "differs", "open")
SKIPS = {"skip", "xfail"}
PYTEST = re.compile(r"\$\(BIN\)/pytest (.*)")


@dataclass(frozen=True)
class Row:
    number: str
    level: str
    verdict: str
    reason: str
    tests: tuple[tuple[str, str], ...]


def read_rows() -> list[Row]:
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text().splitlines()
        if re.match(r"\| \d+\.", line)
    ]
    named = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
    return [
        Row(number, level, verdict, reason, tuple(named.findall(tests)))
        for number, level, _, verdict, reason, tests in cells
    ]


ROWS = read_rows()


def test_every_requirement_of_levels_1_and_2_has_one_row() -> None:
    listed = [tuple(line.split()) for line in IDS.read_text().splitlines()]
    assert len(listed) == 253
    assert [(row.number, row.level) for row in ROWS] == listed


def test_no_requirement_of_level_1_is_open() -> None:
    assert {row.verdict for row in ROWS} <= {*VERDICTS}
    assert [row.number for row in ROWS if (row.level, row.verdict) == ("1", "open")] == []


def test_summary_counts_the_rows() -> None:
    for level in "12":
        counts = [sum((row.level, row.verdict) == (level, verdict) for row in ROWS) for verdict in VERDICTS]
        assert f"\n| {level} | {' | '.join(map(str, counts))} |\n" in PAGE.read_text()


def test_every_row_has_a_test_or_a_reason() -> None:
    assert [row.number for row in ROWS if not row.tests and not row.reason] == []
    unexplained = [row.number for row in ROWS if row.verdict != "met" and len(row.reason) < 5]
    unproved = [
        row.number
        for row in ROWS
        if (row.level, row.verdict) == ("1", "met") and not row.tests and "](" not in row.reason
    ]
    assert unexplained + unproved == []


def test_every_named_test_exists_and_is_never_skipped_always() -> None:
    named = {test for row in ROWS for test in row.tests}
    assert len(named) > 150
    assert sorted(f"{path}::{name}" for path, name in named if not is_run_somewhere(path, name)) == []


def test_every_named_test_is_in_a_suite_that_ci_runs() -> None:
    suites = read_suites()
    paths = {path for row in ROWS for path, _ in row.tests}
    assert [path for path in paths if not any(covers(suite, path) for suite in suites)] == []


def is_run_somewhere(path: str, name: str) -> bool:
    found = read_functions(ROOT / path).get(name)
    return found is not None and not is_skipped(found)


@cache
def read_functions(path: Path) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    nodes = ast.walk(ast.parse(path.read_text())) if path.exists() else []
    return {node.name: node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def is_skipped(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a mark or the first statement skips it without a condition."""
    marks = {ast.unparse(mark).partition("(")[0].rpartition(".")[2] for mark in function.decorator_list}
    return bool(marks & SKIPS) or ast.unparse(function.body[0]).startswith("pytest.skip")


def read_suites() -> list[tuple[list[str], list[str]]]:
    """Folders, and folders left out, of each call of pytest that .ci/run makes."""
    recipes = dict(re.findall(r"^([\w-]+):.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE))
    targets = re.findall(r"^make ([\w-]+)", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    calls = [words for target in targets for words in PYTEST.findall(recipes.get(target, ""))]
    return [
        (re.findall(r"(?<!--ignore )\btests/\S+", words) or ["tests"], re.findall(r"--ignore (\S+)", words))
        for words in calls
    ]


def covers(suite: tuple[list[str], list[str]], path: str) -> bool:
    folders, ignored = suite
    return path.startswith(tuple(folders)) and not path.startswith(tuple(ignored))
