"""The API server of Kubernetes and kubectl as one program, built of their Go modules into .stack/k8s.

It is built again when main.go or go.sum change. Cold it compiles about 2,000 packages, which
takes minutes and 3 GB of Go's cache; warm it links in half a minute.
"""

import os
import re
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from bookcore.domain.errors import Unavailable

FOLDER = Path(__file__).parent
_VERSION = "k8s.io/component-base/version"


def read_version() -> str:
    """The version of Kubernetes in go.mod, such as `v1.37.2`."""
    found = re.search(
        r"^require k8s\.io/kubernetes (v\S+)$|^\tk8s\.io/kubernetes (v\S+)$", _read("go.mod"), re.M
    )
    if found is None:
        raise Unavailable("go.mod names no version of k8s.io/kubernetes")
    return found[1] or found[2]


def _read(name: str) -> str:
    return (FOLDER / name).read_text()


def build_program(kept: Path) -> Path:
    """The program, built unless there is one of the same sources. Raises: Unavailable."""
    version = read_version()
    digest = sha256((_read("main.go") + _read("go.sum")).encode()).hexdigest()[:12]
    program = kept / f"kubernetes-{version}-{digest}"
    if program.exists():
        return program
    if not shutil.which("go"):
        raise Unavailable("there is no Go to build Kubernetes with")
    major, minor, _ = version.removeprefix("v").split(".")
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    flags = " ".join(["-s", "-w", *(f"-X {_VERSION}.{name}={value}" for name, value in stamps.items())])
    kept.mkdir(parents=True, exist_ok=True)
    fresh = program.with_suffix(".new")
    words = ["go", "build", "-trimpath", "-ldflags", flags, "-o", str(fresh), "."]
    variables = {**os.environ, "CGO_ENABLED": "0"}
    done = subprocess.run(words, cwd=FOLDER, env=variables, stderr=subprocess.PIPE, check=False, text=True)  # noqa: S603
    if done.returncode != 0:
        raise Unavailable(f"Kubernetes can't be built: {done.stderr[-1_000:]}")
    return fresh.rename(program)
