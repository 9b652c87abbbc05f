"""What the product's own code never calls: each entry is a way to run or to leak what a stranger sent."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.architecture.test_budgets import ROOT, tracked

CALLS = {
    "runs text as code": {"eval", "exec", "compile", "__import__"},
    "runs a shell": {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"},
    "builds any object": {"pickle.load", "pickle.loads", "marshal.load", "marshal.loads", "yaml.load"},
    "hashes weakly": {"hashlib.md5", "md5"},
}
IN_PAGES = (
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|postMessage|localStorage"
)
GATEWAY = ROOT / "gateway/src/gateway"


def read_sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in tracked("*.py"):
        if "src" in path.relative_to(ROOT).parts:
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def list_calls(tree: ast.Module) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("why", CALLS)
def test_the_product_calls_nothing_that(why: str) -> None:
    found = [
        f"{path}:{call.lineno}: {ast.unparse(call.func)}"
        for path, tree in read_sources()
        for call in list_calls(tree)
        if ast.unparse(call.func) in CALLS[why]
    ]
    assert found == []


def test_programs_are_started_by_a_list_of_arguments() -> None:
    found = [
        f"{path}:{call.lineno}"
        for path, tree in read_sources()
        for call in list_calls(tree)
        if any(keyword.arg == "shell" for keyword in call.keywords)
    ]
    assert found == []


def test_pages_put_data_in_as_text_and_take_no_messages() -> None:
    scripts = [*(GATEWAY / "portal").glob("*.js"), GATEWAY / "api/docs.js"]
    assert len(scripts) > 5
    found = [f"{path.name}: {match}" for path in scripts for match in re.findall(IN_PAGES, path.read_text())]
    assert found == []


def test_secrets_of_the_gateway_come_from_the_systems_random_source() -> None:
    """`random` balances load only; every other random text is of `secrets`, `os.urandom` or a library's."""
    users = {path.relative_to(GATEWAY).as_posix() for path in GATEWAY.rglob("*.py") if imports_random(path)}
    assert users <= {"upstream/load_balancer.py", "http/trace.py"}


def imports_random(path: Path) -> bool:
    return bool(re.search(r"^(import random|from random import)", path.read_text(), re.MULTILINE))
