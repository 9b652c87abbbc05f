"""Pages that say what the code says; `python -m docs.generate` writes them, a test compares."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from docs.source_page import build_source_page
from fastapi import FastAPI
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

import bookcore.kit.settings
import books_api.app
import books_api.settings
import gateway.app
import gateway.settings
import ingestor.settings
import ml_api.app
import ml_api.settings
import scraper.settings
import search_api.app
import search_api.settings
import trainer.settings
from bookcore.events import asyncapi
from bookcore.events.json_schemas import build_schemas
from bookcore.kit.admin.families import ALL, METRICS, MetricFamily
from bookcore.kit.openapi import Document
from bookcore.kit.settings import is_confidential
from gateway.api.openapi_merge import merge_documents
from gateway.routing.routes import Service

ROOT = Path(__file__).parents[1]
SETTINGS: dict[str, type[BaseSettings]] = {
    "every service": bookcore.kit.settings.Settings,
    "scraper": scraper.settings.Settings,
    "ingestor": ingestor.settings.Settings,
    "books-api": books_api.settings.Settings,
    "search-api": search_api.settings.Settings,
    "ml-api": ml_api.settings.Settings,
    "trainer": trainer.settings.Settings,
    "gateway": gateway.settings.Settings,
}
_INTRODUCTION = """# Settings

Read once, at start, from the environment. An invalid value ends the start with one line that names the
variable.
Production (`BOOKSTREAM_ENVIRONMENT=production`) rejects embedded stores and default secrets.

Settings marked **secret** may hold a password: give them as files of `BOOKSTREAM_SECRETS_DIR`
([how](how-to/give-secrets-as-files.md)), each named as its variable. The environment wins over a file.
"""

_METRICS_INTRODUCTION = """# Metrics

Each process exports these at `/metrics` of its admin port (`BOOKSTREAM_ADMIN_HOST`, `BOOKSTREAM_ADMIN_PORT`),
in Prometheus' text format; without one the services have `/metrics` on their own port, the gateway for
private networks only. A gateway of several workers reports the sum of `gateway_*` over all of them. The list
is `libs/bookcore/src/bookcore/kit/admin/families.py`. A family has at most 500 series; further label values
are counted together as `other`.

| name | process | type | labels | unit | meaning |
|---|---|---|---|---|---|
"""

_HEAD = "| variable | default | meaning |\n|---|---|---|\n"


def build_pages() -> dict[Path, str]:
    """Path -> content of every generated file."""
    schemas = ROOT / "libs/bookcore/src/bookcore/events/schemas"
    return {
        ROOT / "docs/settings.md": build_settings_page(),
        ROOT / "docs/sources.md": build_source_page(),
        ROOT / "docs/metrics.md": build_metrics_page(),
        ROOT / "docs/asyncapi.json": json.dumps(asyncapi.build_document(), indent=1, ensure_ascii=False)
        + "\n",
        **{
            ROOT / f"docs/openapi/{name}.json": dump_json(app.openapi())
            for name, app in create_apps().items()
        },
        ROOT / "docs/openapi/merged.json": dump_json(build_merged_openapi()),
        **{schemas / name: text for name, text in build_schemas().items()},
    }


def build_settings_page() -> str:
    """Every setting with its environment variable, default and meaning."""
    shared = set(SETTINGS["every service"].model_fields)
    parts = [_INTRODUCTION]
    for service, kind in SETTINGS.items():
        own = {n: f for n, f in kind.model_fields.items() if n not in shared or service == "every service"}
        parts.append(f"\n## {service[0].upper()}{service[1:]}\n\n{_HEAD}")
        parts += [
            f"| `BOOKSTREAM_{name.upper()}` | {_format_default(field.default)} | {_format_meaning(field)} |\n"
            for name, field in own.items()
        ]
    return "".join(parts)


def build_metrics_page() -> str:
    """Every metric with its process, type, labels, unit and meaning."""
    return _METRICS_INTRODUCTION + "".join(_format_family(family) for family in METRICS.values())


def _format_family(family: MetricFamily) -> str:
    processes = "every process" if family.processes == ALL else ", ".join(family.processes)
    labels = ", ".join(f"`{label}`" for label in family.labels) or "-"
    return (
        f"| `{family.name}` | {processes} | {family.type.value} | {labels} | {family.unit or '-'} |"
        f" {family.meaning} |\n"
    )


def _format_default(default: object) -> str:
    text = "" if default is None else str(default)
    return f"`{text}`" if text else "-"


def _format_meaning(field: FieldInfo) -> str:
    return f"**secret**; {field.description}" if is_confidential(field) else str(field.description)


def create_apps() -> dict[str, FastAPI]:
    with TemporaryDirectory() as folder:
        data = Path(folder)
        return {
            "books-api": books_api.app.create_app(books_api.settings.Settings(data=data)),
            "search-api": search_api.app.create_app(search_api.settings.Settings(data=data)),
            "ml-api": ml_api.app.create_app(ml_api.settings.Settings(data=data)),
            "gateway": gateway.app.create_app(gateway.settings.Settings(data=data)),
        }


def build_merged_openapi() -> Document:
    """The document of the gateway at /openapi.json with every service available."""
    apps = create_apps()
    services = {service: apps[service.value].openapi() for service in Service}
    return merge_documents(apps["gateway"].openapi(), services)


def dump_json(document: Document) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Writes all generated files."""
    for path, text in build_pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
