"""The budgets of the house: sizes, parameters, imports, patches. Never loosened."""

import ast
import statistics
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    path: Path
    lines: int
    tree: ast.Module

    def functions(self) -> Iterator[FunctionNode]:
        return (n for n in ast.walk(self.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def tracked(*patterns: str) -> list[Path]:
    """Files of the repository, tracked or about to be; a tree without git is read as it lies."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.split() if listed.returncode == 0 else []
    found = [ROOT / name for name in names] or [p for pattern in patterns for p in ROOT.rglob(pattern)]
    return sorted(p for p in found if p.exists() and ".venv" not in p.parts)


def read(path: Path) -> Module:
    text = path.read_text()
    return Module(path.relative_to(ROOT), text.count("\n") + 1, ast.parse(text))


@pytest.fixture(scope="module")
def product() -> list[Module]:
    return [read(p) for p in tracked("*.py") if p.relative_to(ROOT).parts[0] not in ("tests", "bench")]


@pytest.fixture(scope="module")
def tests() -> list[Module]:
    return [read(p) for p in tracked("*.py") if p.relative_to(ROOT).parts[0] == "tests"]


def ninetieth(values: list[int]) -> int:
    return sorted(values)[int(len(values) * 0.9)]


def length(function: FunctionNode) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_files_are_small(product: list[Module]) -> None:
    lines = [module.lines for module in product]
    assert statistics.median(lines) <= 110
    assert ninetieth(lines) <= 250
    assert [m.path for m in product if m.lines > 400] == []


def test_functions_are_small(product: list[Module]) -> None:
    lengths = [length(function) for module in product for function in module.functions()]
    assert statistics.median(lengths) <= 8
    assert ninetieth(lengths) <= 25
    assert [f"{m.path}:{f.name}" for m in product for f in m.functions() if length(f) > 50] == []


def test_functions_take_at_most_five_parameters(product: list[Module]) -> None:
    assert [f"{m.path}:{f.name}" for m in product for f in m.functions() if parameters(f) > 5] == []


def parameters(function: FunctionNode) -> int:
    a = function.args
    names = [p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def test_imports_stand_at_the_top(product: list[Module]) -> None:
    inside = [
        f"{m.path}:{f.name}"
        for m in product
        for f in m.functions()
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(f))
    ]
    assert inside == []


def test_no_room_is_called_after_leftovers(product: list[Module]) -> None:
    leftovers = {"utils", "util", "common", "helpers", "helper", "manager", "misc", "base"}
    assert [m.path for m in product if leftovers & {*m.path.parts, m.path.stem}] == []


def test_modules_and_public_classes_have_docstrings(product: list[Module]) -> None:
    bare = [str(m.path) for m in product if m.tree.body and ast.get_docstring(m.tree) is None]
    bare += [
        f"{m.path}:{node.name}"
        for m in product
        for node in m.tree.body
        if isinstance(node, ast.ClassDef)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
    ]
    assert bare == []


def test_tests_hardly_patch_and_never_sleep(tests: list[Module]) -> None:
    patches = sleeps = 0
    for module in tests:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                patches += called.startswith(("monkeypatch.setattr", "mock.", "patch")) or called == "Mock"
                # sleep(0) waits for nothing: it lets other tasks have a turn
                sleeps += called.endswith("sleep") and ast.unparse(node).partition("(")[2] != "0)"
    assert patches * 1_000 <= 2 * sum(module.lines for module in tests)
    assert sleeps == 0


def test_no_path_of_a_machine_or_registry_host_is_committed() -> None:
    forbidden = [
        "/work/" + "main",
        "/root/" + ".pyenv",
        "files.python" + "hosted.org",
        "py" + "pi.org/simple",
    ]
    texts = {p: p.read_text(errors="ignore") for p in tracked("*") if p.is_file()}
    assert [f"{p}: {word}" for p, text in texts.items() for word in forbidden if word in text] == []
