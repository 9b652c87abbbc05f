"""An emulator of Google Cloud Storage over a folder, built from Go's module proxy; runs only when named."""

import os
from pathlib import Path

from devstack.server import HOST, Instance, LaunchCommand, Server, find_tool, probe, run_command

VERSION = "1.56.1"
BUCKET = "bookstream"


def _install(folder: Path) -> None:
    go = find_tool("go", "install Go 1.26 or newer")
    module = f"github.com/fsouza/fake-gcs-server@v{VERSION}"
    run_command([go, "install", module], environment={**os.environ, "GOBIN": str(folder)})


def _prepare(here: Instance) -> None:
    (here.data / "objects" / BUCKET).mkdir(parents=True, exist_ok=True)


def _build_command(here: Instance) -> LaunchCommand:
    place = ["-scheme", "http", "-host", HOST, "-port", str(here.port)]
    named = ["-external-url", f"http://{HOST}:{here.port}", "-public-host", f"{HOST}:{here.port}"]
    backend = ["-backend", "filesystem", "-filesystem-root", str(here.data / "objects")]
    return LaunchCommand([str(here.programs / "fake-gcs-server"), *place, *named, *backend])


def _is_ready(here: Instance) -> bool:
    return probe(here, b"GET /_internal/healthcheck HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200")


def _build_exports(here: Instance) -> dict[str, str]:
    return {"BOOKSTREAM_LAKE_URL": f"gs://{BUCKET}?endpoint=http://{HOST}:{here.port}"}


FAKE_GCS = Server(
    name="fake-gcs-server",
    version=VERSION,
    port=14_443,
    install=_install,
    prepare=_prepare,
    build_command=_build_command,
    is_ready=_is_ready,
    build_exports=_build_exports,
    is_default=False,
)
