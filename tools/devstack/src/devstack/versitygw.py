"""The Versity S3 gateway over a folder, built from Go's module proxy."""

import os
from pathlib import Path

from devstack.server import HOST, Instance, LaunchCommand, Server, find_tool, probe, run_command

VERSION = "1.8.0"
BUCKET = "bookstream"
ACCESS_KEY = "bookstream"


def _install(folder: Path) -> None:
    go = find_tool("go", "install Go 1.26 or newer")
    module = f"github.com/versity/versitygw/cmd/versitygw@v{VERSION}"
    run_command([go, "install", module], environment={**os.environ, "GOBIN": str(folder)})


def _prepare(here: Instance) -> None:
    for folder in ("iam", "versions", f"objects/{BUCKET}"):
        (here.data / folder).mkdir(parents=True, exist_ok=True)


def _build_command(here: Instance) -> LaunchCommand:
    place = ["--port", f"{HOST}:{here.port}", "--iam-dir", str(here.data / "iam"), "--quiet"]
    if here.certificates:
        place += ["--cert", here.certificate, "--key", here.key]
    backend = ["posix", "--versioning-dir", str(here.data / "versions"), str(here.data / "objects")]
    environment = {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": here.password}
    return LaunchCommand([str(here.programs / "versitygw"), *place, *backend], environment)


def _is_ready(here: Instance) -> bool:
    return probe(here, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1")


def _build_exports(here: Instance) -> dict[str, str]:
    scheme, options = ("https", f"&cafile={here.authority}") if here.certificates else ("http", "")
    return {
        "BOOKSTREAM_LAKE_URL": f"s3://{BUCKET}?endpoint={scheme}://{HOST}:{here.port}{options}",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": here.password,
    }


VERSITYGW = Server(
    name="versitygw",
    version=VERSION,
    port=17_070,
    install=_install,
    prepare=_prepare,
    build_command=_build_command,
    is_ready=_is_ready,
    build_exports=_build_exports,
)
