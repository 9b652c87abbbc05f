"""Compiles the gateway's data plane: `python -m deploy.compiled FOLDER` (make test-compiled).

Copies bookcore and gateway into FOLDER and compiles there, with mypyc, the modules on the path of every
request. With FOLDER first on PYTHONPATH the gateway runs compiled. Needs gcc and Python's headers.
"""

import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from mypyc.build import mypycify
from setuptools import Distribution
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent.parent
PACKAGES = ("libs/bookcore/src/bookcore", "gateway/src/gateway")
MODULES = {
    "bookcore/cache": ("__init__", "memory", "redis/__init__", "redis/connection"),
    "gateway/accounts": ("caller", "flushing", "login_failures", "quota"),
    "gateway/auth": ("caller_cache", "request_auth"),
    "gateway/cache": ("entry", "local", "purge_log", "response_cache", "scripts"),
    "gateway/downstream": (
        "asgi_exchange",
        "compact_protocol",
        "connection",
        "connection_state",
        "context",
        "fast_exchange",
        "fast_path",
        "strictness",
        "websocket",
    ),
    "gateway/http": (
        "browser_headers",
        "caching",
        "client_address",
        "compression",
        "date",
        "headers",
        "network_key",
        "request_head",
        "scope",
        "trace",
    ),
    "gateway/observability": ("access_log",),
    "gateway/proxy": ("cache_fill", "exchange", "handler", "passthrough"),
    "gateway/ratelimit": ("address_limiter", "gcra", "limiter", "usage"),
    "gateway/routing": ("cache_tags", "match", "routes"),
    "gateway/upstream": (
        "circuit_breaker",
        "connection",
        "load_balancer",
        "messages",
        "open_requests",
        "pool",
        "request",
        "upstream",
    ),
}
"""Modules on the path of a hit or a miss; code that runs rarely stays interpreted."""


def compile_into(folder: Path, *, python: str = sys.executable) -> list[Path]:
    """Returns the compiled libraries. `python` is the interpreter whose packages the modules import.

    Raises: SystemExit when gcc is missing or mypyc reports an error.
    """
    if shutil.which("gcc") is None:
        sys.exit(
            "gcc is needed to compile: apt-get install gcc libc6-dev (and python3-dev for Debian's Python)"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        target = folder / Path(package).name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(ROOT / package, target, ignore=shutil.ignore_patterns("__pycache__"))
    files = [f"{place}/{name}.py" for place, names in MODULES.items() for name in names]
    before = Path.cwd()
    os.chdir(folder)
    try:
        with TemporaryDirectory() as scratch:
            return _build_extensions(files, Path(scratch), python=python)
    finally:
        os.chdir(before)


def _build_extensions(files: list[str], scratch: Path, *, python: str) -> list[Path]:
    options = ["--ignore-missing-imports", f"--python-executable={python}", "--config-file="]
    modules = mypycify([*options, *files], opt_level="3", debug_level="0", target_dir=str(scratch))
    command = build_ext(Distribution({"name": "compiled", "ext_modules": modules}))
    command.build_lib, command.build_temp = ".", str(scratch)
    command.ensure_finalized()
    command.run()
    return [Path(output).absolute() for output in command.get_outputs()]


if __name__ == "__main__":
    made = compile_into(Path(sys.argv[1]), python=sys.argv[2] if len(sys.argv) > 2 else sys.executable)
    sys.stdout.write(f"{len(made)} libraries in {sys.argv[1]}\n")
