"""MLflow's server in an environment of its own: its dependencies are not Bookstream's.

One worker and no job execution: two processes and 0.5 GB instead of fourteen and 2 GB. Its data is SQLite and
files of its data folder; in production it uses PostgreSQL and S3 (docker-compose.yml).
"""

import os
import shutil
import sys
from pathlib import Path

from bookcore.domain.errors import Unavailable
from devstack.home import ensure_account, is_reachable
from devstack.server import HOST, Instance, LaunchCommand, Server, probe, run_command

VERSION = "3.17.2"


def _install(folder: Path) -> None:
    venv = folder / "venv"
    run_command([_find_interpreter(), "-m", "venv", "--without-pip", str(venv)])
    words = ["install", "--quiet", "--root-user-action=ignore", "--disable-pip-version-check"]
    run_command(
        [sys.executable, "-m", "pip", "--python", str(venv / "bin/python"), *words, f"mlflow=={VERSION}"]
    )


def _find_interpreter() -> str:
    """A Python that the servers' account can reach; root's may be in its home folder.

    Raises: Unavailable with the remedy.
    """
    candidates = [
        os.path.realpath(sys.executable),
        *map(shutil.which, ("python3.12", "python3.11", "python3")),
    ]
    system = ["/usr/bin/python3", "/usr/local/bin/python3"]
    for path in (*candidates, *system):
        if path and (ensure_account().uid is None or is_reachable(Path(path).resolve().parent)):
            return path
    raise Unavailable(
        "mlflow needs a Python outside root's home; install one (Debian: apt-get install python3)"
    )


def _build_command(here: Instance) -> LaunchCommand:
    stores = [
        *("--backend-store-uri", f"sqlite:///{here.data}/mlflow.db"),
        *("--artifacts-destination", f"file://{here.data}/artifacts"),
    ]
    words = ["-m", "mlflow", "server", "--host", HOST, "--port", str(here.port), "--workers", "1", *stores]
    python = here.programs / "venv/bin/python"
    return LaunchCommand(
        [str(python), *words], {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "HOME": str(here.data)}
    )


def _is_ready(here: Instance) -> bool:
    return b" 200 " in probe(here, b"GET /health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")


MLFLOW = Server(
    name="mlflow",
    version=VERSION,
    port=15_900,
    install=_install,
    prepare=lambda here: None,
    build_command=_build_command,
    is_ready=_is_ready,
    build_exports=lambda here: {"BOOKSTREAM_REGISTRY_URL": f"mlflow+http://{HOST}:{here.port}"},
)
