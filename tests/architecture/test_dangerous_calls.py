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


CRYPTOGRAPHY = re.compile(r"^(hashlib|hmac|cryptography|argon2|jwt|joserfc|pyotp)\b")
IN_INVENTORY = {
    "sha256": "SHA-256",
    "sha1": "SHA-1",
    "blake2b": "BLAKE2b",
    "SHA256": "SHA-256",
    "HKDF": "HKDF",
    "hmac": "HMAC-SHA-256",
    "AESGCM": "AES-256-GCM",
    "Ed25519PrivateKey": "Ed25519",
    "Ed25519PublicKey": "Ed25519",
    "PasswordHasher": "argon2id",
    "pbkdf2_hmac": "PBKDF2",
    "jwt": "ID tokens",
    "KeySet": "ID tokens",
    "pyotp": "TOTP",
    "strings_equal": "TOTP",
}
"""What the product imports to encrypt, sign or hash, and its word on the page."""


def test_inventory_names_all_cryptography_of_the_product() -> None:
    page = (ROOT / "docs/security/inventory.md").read_text()
    imported = {name for _, tree in read_sources() for name in list_cryptography(tree)}
    assert sorted(name for name in imported if IN_INVENTORY.get(name, "not listed") not in page) == []


def list_cryptography(tree: ast.Module) -> Iterator[str]:
    """Names imported from such libraries, without their errors and serial forms."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.Import):
            yield from (name for name in names if CRYPTOGRAPHY.match(name))
        elif isinstance(node, ast.ImportFrom) and CRYPTOGRAPHY.match(node.module or ""):
            is_helper = re.search("exceptions|errors|serialization", node.module or "")
            yield from () if is_helper else names


def test_dependencies_are_locked_by_digest() -> None:
    for name in ("requirements.txt", "requirements-dev.txt", "deploy/mlflow/requirements.txt"):
        pins = re.split(r"\n(?=\S)", (ROOT / name).read_text().strip())
        assert len(pins) > 20
        assert [pin for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == []
