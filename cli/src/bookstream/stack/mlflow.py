"""MLflow's server from the Python index, in an environment of its own: it pins much that we don't."""

import sys
from pathlib import Path

from bookstream.stack.server import HOST, Instance, Launch, Server, ask, run

VERSION = "3.17.2"


def _install(folder: Path) -> None:
    run([sys.executable, "-m", "venv", "--copies", str(folder / "venv")])
    run([str(_python(folder)), "-m", "pip", "install", "--quiet", f"mlflow=={VERSION}"])


def _python(folder: Path) -> Path:
    return folder / "venv" / "bin" / "python"


def _prepare(here: Instance) -> None:
    (here.data / "artifacts").mkdir(exist_ok=True)


def _launch(here: Instance) -> Launch:
    place = ["--host", HOST, "--port", str(here.port), "--workers", "1"]
    store = ["--backend-store-uri", f"sqlite:///{here.data}/mlflow.db"]
    artifacts = ["--serve-artifacts", "--artifacts-destination", str(here.data / "artifacts")]
    environment = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(here.data),
    }
    command = [str(_python(here.programs)), "-m", "mlflow", "server", *place, *store, *artifacts]
    return Launch(command, environment)


def _is_ready(here: Instance) -> bool:
    return b" 200 " in ask(here.port, b"GET /health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")[:40]


def _exports(here: Instance) -> dict[str, str]:
    return {"BOOKSTREAM_REGISTRY_URL": f"mlflow+http://{HOST}:{here.port}"}


MLFLOW = Server(
    name="mlflow",
    version=VERSION,
    port=15_000,
    install=_install,
    prepare=_prepare,
    launch=_launch,
    is_ready=_is_ready,
    exports=_exports,
)
