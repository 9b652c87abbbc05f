"""Old code runs on a newer catalogue as long as that serves it; all else is refused with the remedy."""

import ast
import inspect
from pathlib import Path

import pytest
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, text

from bookcore.catalogue import open_catalogue, prepare_catalogue
from bookcore.catalogue.engines import check_schema, create_catalogue_engine
from bookcore.catalogue.migrate import build_config, find_oldest_reader
from bookcore.catalogue.schema import HEAD, read_oldest_reader
from bookcore.domain.errors import Conflict
from bookcore.testing.contracts.catalogue_migration import migrate_to

STEPS = list(reversed(list(ScriptDirectory.from_config(build_config()).walk_revisions())))
EXPANDING = {"create_table", "add_column", "create_index", "drop_index", "execute", "get_context"}


@pytest.fixture
def url(tmp_path: Path) -> str:
    found = f"sqlite:///{tmp_path}/catalogue.db"
    prepare_catalogue(found)
    return found


def change(url: str, *statements: str) -> None:
    with create_catalogue_engine(url).begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def migrate_further(url: str, *, oldest_reader: str) -> None:
    """As a later Bookstream does."""
    change(
        url,
        "UPDATE alembic_version SET version_num = '0999'",
        f"UPDATE schema_compatibility SET oldest_reader = '{oldest_reader}'",
        "ALTER TABLE books ADD COLUMN later TEXT",
        "CREATE TABLE later (id INTEGER PRIMARY KEY)",
    )


def read_oldest(url: str) -> str | None:
    with create_catalogue_engine(url).connect() as connection:
        return read_oldest_reader(connection)


def test_a_catalogue_that_was_expanded_later_serves_this_program(url: str) -> None:
    migrate_further(url, oldest_reader=HEAD)
    open_catalogue(url).close()
    assert prepare_catalogue(url) == "kept schema 0999, which serves this program"
    assert read_oldest(url) == HEAD


def test_a_catalogue_that_was_contracted_later_is_refused_with_the_remedy(url: str) -> None:
    migrate_further(url, oldest_reader="0999")
    for act in (open_catalogue, prepare_catalogue):
        with pytest.raises(
            Conflict, match="serves programs of schema 0999 and newer; start a newer Bookstream"
        ):
            act(url)


def test_a_newer_catalogue_that_names_no_oldest_reader_is_refused(url: str) -> None:
    change(url, "UPDATE alembic_version SET version_num = '0999'", "DROP TABLE schema_compatibility")
    with pytest.raises(Conflict, match="start a newer Bookstream"):
        open_catalogue(url)


@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        ("ALTER TABLE books DROP COLUMN details", "books.details"),
        ("DROP TABLE outbox", "outbox"),
        ("DELETE FROM alembic_version", "no version"),
    ],
)
def test_a_migration_that_was_applied_in_part_is_refused_with_the_remedy(
    url: str, statement: str, missing: str
) -> None:
    change(url, statement)
    with pytest.raises(Conflict, match=f"migrated in part: .*{missing}.*restore the backup"):
        open_catalogue(url)


def test_an_expanded_catalogue_that_lacks_what_this_program_uses_is_refused(url: str) -> None:
    migrate_further(url, oldest_reader=HEAD)
    change(url, "ALTER TABLE books DROP COLUMN details")
    with pytest.raises(Conflict, match=r"books\.details missing"):
        open_catalogue(url)


def test_a_catalogue_of_before_says_its_oldest_reader_after_the_migration(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/before.db"
    migrate_to(url, "0003")
    with pytest.raises(Conflict, match="run `python -m ingestor migrate`"):
        check_schema(create_catalogue_engine(url))
    assert prepare_catalogue(url) == f"brought schema from 0003 to {HEAD}"
    assert read_oldest(url) == find_oldest_reader(build_config())


def test_a_migration_that_fails_leaves_the_catalogue_as_it_was(url: str) -> None:
    change(url, "UPDATE alembic_version SET version_num = '0003'")  # its table is there already: 0004 fails
    with pytest.raises(Exception, match="already exists"):
        prepare_catalogue(url)
    with create_catalogue_engine(url).connect() as connection:
        assert read_version(connection) == "0003"


def read_version(connection: Connection) -> str:
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def test_the_newest_migration_is_the_head() -> None:
    assert STEPS[-1].revision == HEAD


@pytest.mark.parametrize("number", range(len(STEPS)), ids=lambda number: STEPS[number].revision)
def test_a_migration_says_whether_it_expands_or_contracts(number: int) -> None:
    step: Script = STEPS[number]
    oldest: str = step.module.oldest_reader
    before: str = STEPS[number - 1].module.oldest_reader if number else oldest
    assert step.module.kind == ("contract" if oldest > before else "expand")
    assert before <= oldest <= step.revision
    if step.module.kind == "expand":
        assert list_operations(step) <= EXPANDING


def list_operations(step: Script) -> set[str]:
    """The operations of Alembic that the module calls, `downgrade` aside."""
    tree = ast.parse(inspect.getsource(step.module))
    functions = [f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name != "downgrade"]
    calls = (node for f in functions for node in ast.walk(f) if isinstance(node, ast.Call))
    names = (ast.unparse(call.func) for call in calls)
    return {name.removeprefix("op.") for name in names if name.startswith("op.") and name.count(".") == 1}
