"""Files made of the code: `python -m deploy.observability.generate` writes them, a test compares.

Prometheus' rules, Grafana's dashboards, and both as objects of Kubernetes.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import yaml
from deploy.observability.boards import BOARDS
from deploy.observability.grafana import dump_dashboard
from deploy.observability.rules import NOTE, build_groups, dump_rules

FOLDER = Path(__file__).parent
RULES = FOLDER / "rules.yml"
_KUBERNETES = FOLDER.parent / "k8s/components/metrics"
_LABELS = {"app.kubernetes.io/name": "bookstream"}


def build_files() -> Mapping[Path, str]:
    """Path -> content of every generated file."""
    dashboards = {board.name: dump_dashboard(board) for board in BOARDS}
    return {
        RULES: dump_rules(),
        **{FOLDER / f"dashboards/{name}.json": text for name, text in dashboards.items()},
        _KUBERNETES / "rules.yaml": _dump_objects(_build_prometheus_rule()),
        _KUBERNETES / "dashboards.yaml": _dump_objects(*map(_build_config_map, dashboards.items())),
    }


def _build_prometheus_rule() -> Mapping[str, object]:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "bookstream", "labels": {**_LABELS}},
        "spec": {"groups": build_groups()},
    }


def _build_config_map(dashboard: tuple[str, str]) -> Mapping[str, object]:
    name, text = dashboard
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"dashboard-{name}", "labels": {**_LABELS, "grafana_dashboard": "1"}},
        "data": {f"bookstream-{name}.json": text},
    }


def _dump_objects(*objects: Mapping[str, object]) -> str:
    return NOTE + yaml.dump_all(objects, Dumper=_BlockDumper, sort_keys=False, width=110)


class _BlockDumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_BlockDumper.add_representer(str, _write_text)


def main() -> None:
    """Writes all generated files."""
    for path, text in build_files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        sys.stdout.write(f"{path.name} written\n")


if __name__ == "__main__":
    main()
