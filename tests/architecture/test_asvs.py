"""docs/security/asvs.md names tests that exist, each requirement once."""

import re

from docs.generate import ROOT

TEXT = (ROOT / "docs/security/asvs.md").read_text()
ROWS = re.findall(r"^\| (\d+\.\d+\.\d+) \|.*\|$", TEXT, re.MULTILINE)
TESTS = re.findall(r"`([\w/]+\.py)::(test_\w+)`", TEXT)


def test_every_named_test_exists() -> None:
    missing = [
        f"{path}::{name}" for path, name in TESTS if f"def {name}(" not in (ROOT / "tests" / path).read_text()
    ]
    assert missing == []
    assert len(TESTS) >= len(ROWS)


def test_each_requirement_has_one_row() -> None:
    assert len(set(ROWS)) == len(ROWS) > 0
