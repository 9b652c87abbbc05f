"""What a command imports."""

import subprocess
import sys

import pytest

LOADED = "import sys, bookstream.__main__ as cli; cli.create_app(sys.argv[1:]); print(*sys.modules)"


@pytest.mark.parametrize(
    ("verb", "others"),
    [
        ("key", {"sqlalchemy", "rich", "twisted", "bookcore.catalogue", "bookstream.commands.import_table"}),
        ("crawl", {"sqlalchemy", "twisted", "scrapy", "bookstream.commands.import_table"}),
        ("status", {"rich", "twisted", "lxml", "bookstream.commands.source"}),
    ],
)
def test_command_imports_the_modules_of_its_verb_only(verb: str, others: set[str]) -> None:
    command = [sys.executable, "-c", LOADED, verb]
    loaded = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert f"bookstream.commands.{'access' if verb == 'key' else verb}" in loaded
    assert not loaded & others
