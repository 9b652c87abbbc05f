"""MLflow's own server in an environment of its own: its dependencies are not Bookstream's.

One worker and no jobs: two processes and half a gigabyte instead of fourteen and two. What it is told stays
in SQLite and files of its data folder; in production it stands on PostgreSQL and S3 (docker-compose.yml).
"""

import os
import shutil
import sys
from pathlib import Path

from bookcore.domain.errors import Unavailable
from devstack.home import account, is_reachable
from devstack.server import HOST, Instance, Launch, Server, ask, run

VERSION = "3.17.2"


def _install(folder: Path) -> None:
    venv = folder / "venv"
    run([_interpreter(), "-m", "venv", "--without-pip", str(venv)])
    words = ["install", "--quiet", "--root-user-action=ignore", "--disable-pip-version-check"]
    run([sys.executable, "-m", "pip", "--python", str(venv / "bin/python"), *words, f"mlflow=={VERSION}"])


def _interpreter() -> str:
    """A Python that the servers' account can reach: root's own may lie in its home.

    Raises: Unavailable with the remedy.
    """
    wishes = [os.path.realpath(sys.executable), *map(shutil.which, ("python3.12", "python3.11", "python3"))]
    system = ["/usr/bin/python3", "/usr/local/bin/python3"]
    for wish in (*wishes, *system):
        if wish and (account().uid is None or is_reachable(Path(wish).resolve().parent)):
            return wish
    raise Unavailable(
        "mlflow needs a Python outside root's home; install one (Debian: apt-get install python3)"
    )


def _launch(here: Instance) -> Launch:
    stores = [
        *("--backend-store-uri", f"sqlite:///{here.data}/mlflow.db"),
        *("--artifacts-destination", f"file://{here.data}/artifacts"),
    ]
    words = ["-m", "mlflow", "server", "--host", HOST, "--port", str(here.port), "--workers", "1", *stores]
    python = here.programs / "venv/bin/python"
    return Launch(
        [str(python), *words], {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "HOME": str(here.data)}
    )


def _is_ready(here: Instance) -> bool:
    return b" 200 " in ask(here.port, b"GET /health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")


MLFLOW = Server(
    name="mlflow",
    version=VERSION,
    port=15_900,
    install=_install,
    prepare=lambda here: None,
    launch=_launch,
    is_ready=_is_ready,
    exports=lambda here: {"BOOKSTREAM_REGISTRY_URL": f"mlflow+http://{HOST}:{here.port}"},
)
