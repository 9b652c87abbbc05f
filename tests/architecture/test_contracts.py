"""The import contracts of pyproject.toml fail when they should: forbidden imports are planted in a copy."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
SOURCES = sorted(
    package
    for pattern in ("libs/*/src/*", "services/*/src/*", "tools/*/src/*", "*/src/*")
    for package in ROOT.glob(pattern)
    if (package / "__init__.py").exists()
)
PACKAGES = [package.name for package in SOURCES]
CLOSED = ["bookcore", "bookml", "booksources", "bookstream", "gateway", "ml_api", "scraper", "trainer"]
"""Packages of which each module is in a layer."""
_PLANTED = "planted"
_WITHIN = 120.0  # seconds


@dataclass(frozen=True)
class Plant:
    """An import that is added to a room's first module, or to the module itself."""

    room: str
    imported: str

    def add_to(self, folder: Path) -> str:
        """The importing module's dotted name."""
        place = folder / self.room.replace(".", "/")
        path = min(place.rglob("[a-z]*.py")) if place.is_dir() else place.with_suffix(".py")
        path.write_text(f"{path.read_text()}\nimport {self.imported}\n")
        return ".".join(path.relative_to(folder).with_suffix("").parts)


PLANTS = [
    Plant("gateway.http", "gateway.downstream"),
    Plant("gateway.upstream", "gateway.proxy"),
    Plant("scraper.frontier", "scraper.crawl.spider"),
    Plant("ml_api.models", "ml_api.routes"),
    Plant("ml_api.serving", "sqlalchemy"),
    Plant("ml_api.experiments", "polars"),
    Plant("trainer.text_ridge", "trainer.job"),
    Plant("bookml.facts", "bookml.snapshot"),
    Plant("bookml.online.sql", "redis"),
    Plant("bookcore.domain", "bookcore.kit"),
    Plant("bookcore.events", "tantivy"),
    Plant("booksources.onix", "booksources.tables"),
    Plant("bookstream.topics", "bookstream.commands"),
    Plant("bookstream.audit", "scraper"),
    Plant("ingestor.settings", "bookml"),
    Plant("books_api.settings", "scrapy"),
    Plant("search_api.settings", "elasticsearch"),
    Plant("sample_shop", "boto3"),
    Plant("scraper.sources", "google"),
    Plant("devstack.home", "bookstream"),
]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of all packages, each with a new module `planted` that imports kafka-python."""
    folder = tmp_path_factory.mktemp("sources")
    for package in SOURCES:
        shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / package.name / f"{_PLANTED}.py").write_text("import kafka\n")
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture(scope="module")
def importers(planted: Path) -> dict[Plant, str]:
    """The module that each plant was added to."""
    return {plant: plant.add_to(planted) for plant in PLANTS}


@pytest.fixture(scope="module")
def report(planted: Path, importers: dict[Plant, str]) -> str:
    """What lint-imports says of the copy with all plants."""
    assert importers
    checked = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=planted,
        env={**os.environ, "PYTHONPATH": str(planted), "COLUMNS": "1000"},
        capture_output=True,
        text=True,
        check=False,
        timeout=_WITHIN,
    )
    assert checked.returncode == 1, checked.stderr
    return checked.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_new_module_of_every_distribution_is_covered(report: str, package: str) -> None:
    assert f"{package}.{_PLANTED} -> kafka (l.1)" in report


@pytest.mark.parametrize("package", CLOSED)
def test_new_room_has_to_be_put_in_a_layer(report: str, package: str) -> None:
    assert f"- {package}.{_PLANTED}\n" in report


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.room}-{plant.imported}")
def test_planted_import_is_reported(report: str, importers: dict[Plant, str], plant: Plant) -> None:
    assert f"{importers[plant]} -> {plant.imported} (l." in report


def test_every_package_is_checked() -> None:
    assert sorted(CONTRACTS["root_packages"]) == sorted(PACKAGES)


def test_contracts_about_a_library_name_every_package() -> None:
    """An exception is an `ignore_imports` line, never a package that is left out of `source_modules`."""
    partial = [
        contract["name"]
        for contract in CONTRACTS["contracts"]
        if contract["type"] == "forbidden"
        and "ignore_imports" in contract
        and sorted(contract["source_modules"]) != sorted(PACKAGES)
    ]
    assert partial == []


def test_forbidden_contracts_name_packages_not_modules() -> None:
    named = {
        module
        for contract in CONTRACTS["contracts"]
        if contract["type"] == "forbidden"
        for module in contract["source_modules"]
    }
    assert named - set(PACKAGES) == {"bookcore.domain"}


def test_domain_imports_nothing_but_the_standard_library() -> None:
    imported = {
        name.partition(".")[0]
        for path in (ROOT / "libs/bookcore/src/bookcore/domain").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - sys.stdlib_module_names == {"bookcore"}
