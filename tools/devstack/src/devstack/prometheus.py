"""Debian's Prometheus with the rules of deploy/observability.

It scrapes the processes of `bookstream up` and `demo`, which list themselves in their data folder, and what
files of its own folder `targets` name; it notices new files by itself.
"""

import json
import os
from pathlib import Path

from devstack.alertmanager import OBSERVABILITY, get_target_file
from devstack.debian import VERSION, install_package
from devstack.server import HOST, Instance, LaunchCommand, Server, probe

TARGETS_FILE = "metrics-targets.json"
"""In the data folder of `bookstream up`; in the format of Prometheus' file_sd."""


def build_configuration(here: Instance, local: Path) -> dict[str, object]:
    """What prometheus.yml says; `local` is Bookstream's data folder."""
    scraped = [str(local / TARGETS_FILE), str(here.data / "targets/*.json")]
    alerted = [{"file_sd_configs": [{"files": [str(get_target_file(here.data))]}]}]
    return {
        "global": {"scrape_interval": "5s", "evaluation_interval": "15s"},
        "rule_files": [str(here.data / "rules.yml")],
        "alerting": {"alertmanagers": alerted},
        "scrape_configs": [
            {"job_name": "bookstream", "file_sd_configs": [{"files": scraped, "refresh_interval": "5s"}]}
        ],
    }


def _prepare(here: Instance) -> None:
    (here.data / "targets").mkdir(exist_ok=True)
    (here.data / "rules.yml").write_text((OBSERVABILITY / "rules.yml").read_text())
    local = Path(os.environ.get("BOOKSTREAM_DATA", "var")).absolute()
    (here.data / "prometheus.yml").write_text(json.dumps(build_configuration(here, local), indent=1))


def _build_command(here: Instance) -> LaunchCommand:
    options = {
        "config.file": here.data / "prometheus.yml",
        "storage.tsdb.path": here.data / "series",
        "storage.tsdb.retention.time": "7d",
        "web.listen-address": f"{HOST}:{here.port}",
        "log.level": "warn",
    }
    program = here.programs / "usr/bin/prometheus"
    return LaunchCommand([str(program), *(f"--{name}={value}" for name, value in options.items())])


def _is_ready(here: Instance) -> bool:
    return b" 200 " in probe(here, b"GET /-/ready HTTP/1.0\r\n\r\n")


PROMETHEUS = Server(
    name="prometheus",
    version=VERSION,
    port=15_090,
    install=lambda folder: install_package("prometheus", folder),
    prepare=_prepare,
    build_command=_build_command,
    is_ready=_is_ready,
    build_exports=lambda here: {},
    is_default=False,
)
