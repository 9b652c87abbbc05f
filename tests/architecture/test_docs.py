"""The pages say what the code says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs.generate import ROOT, build_pages, create_apps
from tests.promises import PROMISES

from bookcore.events.topics import TOPICS

README = (ROOT / "README.md").read_text()
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("services/*/README.md"),
    ]
)
SERVICES = ["scraper", "ingestor", "books-api", "search-api", "ml-api", "trainer", "gateway"]


def carried() -> Iterator[str]:
    """The promise of every `@carries(...)`."""
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "carries":
                yield ast.literal_eval(node.args[0])


def test_every_generated_page_is_up_to_date() -> None:
    stale = [
        str(path) for path, text in build_pages().items() if not path.exists() or path.read_text() != text
    ]
    assert stale == [], "run: make docs"


def test_every_promise_of_the_readme_has_a_test_and_the_other_way_round() -> None:
    promised = re.findall(r"^- (.+) \(`([a-z-]+)`\)$", README, re.MULTILINE)
    assert {promise: sentence for sentence, promise in promised} == PROMISES
    assert set(carried()) == set(PROMISES)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_readme_and_a_row_in_the_service_table(service: str) -> None:
    folder = ROOT / service if service == "gateway" else ROOT / "services" / service
    assert (folder / "README.md").exists()
    assert f"| [{service}](" in README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_or_path_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    links = [target.split("#")[0] for target in re.findall(r"\]\((?!http)([^)#][^)]*)\)", text)]
    paths = [
        p.split("::")[0]
        for p in re.findall(r"`((?:tests|libs|services|gateway|bench|docs)/[\w./:-]+)`", text)
    ]
    missing = [link for link in links if not (page.parent / link).exists()]
    missing += [path for path in paths if not (ROOT / path).exists()]
    assert missing == []


def test_every_test_that_a_decision_names_exists() -> None:
    for page in ROOT.glob("docs/decisions/*.md"):
        for path, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text()):
            assert f"def {name}(" in (ROOT / path).read_text(), f"{page.name}: {name}"
        assert "**Enforced by**" in page.read_text(), page.name


def test_every_name_of_the_glossary_is_defined_in_its_file() -> None:
    rows = re.findall(
        r"\| `(\w+)` \| `([\w./-]+)` \|$", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE
    )
    missing = [
        f"{path}: {name}"
        for name, path in rows
        if not re.search(
            rf"^(class {name}\b|def {name}\(|{name} = )", (ROOT / path).read_text(), re.MULTILINE
        )
    ]
    assert len(rows) >= 60
    assert missing == []


def test_every_topic_is_described() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    assert [name for name in TOPICS if not name.endswith(".dlq") and name not in text] == []


def test_every_operation_is_named_and_described() -> None:
    operations = {
        f"{name} {method} {path}": operation
        for name, app in create_apps().items()
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
    }
    bare = [
        where for where, op in operations.items() if not op.get("description") or not op.get("operationId")
    ]
    assert bare == []


def test_make_help_lists_every_verb() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"\.PHONY: (.*)", makefile)
    assert phony
    documented = re.findall(r"^([a-z0-9-]+):.*## ", makefile, re.MULTILINE)
    assert sorted(documented) == sorted(phony[1].split())


def test_the_readme_has_the_number_of_import_contracts() -> None:
    contracts = (ROOT / "pyproject.toml").read_text().count("[[tool.importlinter.contracts]]")
    assert f"Contracts: {contracts} kept, 0 broken." in README
