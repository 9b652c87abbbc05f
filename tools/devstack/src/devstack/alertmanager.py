"""Debian's Alertmanager with the receivers of deploy/observability."""

import json
from pathlib import Path

from devstack.debian import VERSION, install_package
from devstack.server import HOST, Instance, LaunchCommand, Server, probe

OBSERVABILITY = Path(__file__).parents[4] / "deploy/observability"
_TARGET = "target.json"
_SHARE = b"/usr/share/prometheus/alertmanager"
"""Where Debian's program looks for its templates; compiled in."""


def get_target_file(data: Path) -> Path:
    """Where Prometheus finds its address, from any server's data folder."""
    return data.parent / "alertmanager" / _TARGET


def _install(folder: Path) -> None:
    install_package("prometheus-alertmanager", folder)
    program = _find_program(folder)
    relative = b"." + b"share".rjust(len(_SHARE) - 1, b"/")  # of equal length, below the working folder
    program.write_bytes(program.read_bytes().replace(_SHARE, relative))


def _find_program(folder: Path) -> Path:
    return folder / "usr/bin/prometheus-alertmanager"


def _prepare(here: Instance) -> None:
    share = here.data / "share"
    share.unlink(missing_ok=True)
    share.symlink_to(here.programs / _SHARE.decode().lstrip("/"))
    (here.data / "alertmanager.yml").write_text((OBSERVABILITY / "alertmanager.yml").read_text())
    (here.data / _TARGET).write_text(json.dumps([{"targets": [f"{HOST}:{here.port}"]}]))


def _build_command(here: Instance) -> LaunchCommand:
    options = {
        "config.file": here.data / "alertmanager.yml",
        "storage.path": here.data / "state",
        "web.listen-address": f"{HOST}:{here.port}",
        "cluster.listen-address": "",
    }
    program = _find_program(here.programs)
    return LaunchCommand([str(program), *(f"--{name}={value}" for name, value in options.items())])


def _is_ready(here: Instance) -> bool:
    return b" 200 " in probe(here, b"GET /-/ready HTTP/1.0\r\n\r\n")


ALERTMANAGER = Server(
    name="alertmanager",
    version=VERSION,
    port=15_100,
    install=_install,
    prepare=_prepare,
    build_command=_build_command,
    is_ready=_is_ready,
    build_exports=lambda here: {},
    is_default=False,
)
